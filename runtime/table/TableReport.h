// Looking into the tables of saved models and live servers: how large they are, single rows, and what differs.
#ifndef HETER_RUNTIME_TABLE_TABLEREPORT_H
#define HETER_RUNTIME_TABLE_TABLEREPORT_H

#include "runtime/base/FileSystem.h"
#include "runtime/base/Status.h"

#include <cstdint>
#include <span>
#include <string>

namespace heter::runtime {

class TableSource;

// A table that a source does not have is NotFound. The text is for people, except that a row has the form that
// dumpCheckpoint gives it (docs/formats/dump.md).

/// Of each table its rows, their bytes, and of each part how large its values are.
Status printTableStats(TableSource &source, OutputFile &out);

/// The rows of some keys of a table, in the order of `keys`; a line says so of a key that has none.
Status printTableRows(TableSource &source, const std::string &table, std::span<const uint64_t> keys, OutputFile &out);

/// Every row of a table, in the order of the source.
Status printTable(TableSource &source, const std::string &table, OutputFile &out);

/// Of each table how many rows only one of the sources has, how many are equal and how many differ, and the row that
/// differs most. Sets `equal` if no row differs. FailedPrecondition if the two are not of one model.
Status printTableDiff(TableSource &before, TableSource &after, OutputFile &out, bool &equal);

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_TABLEREPORT_H

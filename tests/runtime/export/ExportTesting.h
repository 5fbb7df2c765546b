// A small model with every kind of set, and saves of it, for the tests of this room.
#ifndef HETER_TESTS_RUNTIME_EXPORT_EXPORTTESTING_H
#define HETER_TESTS_RUNTIME_EXPORT_EXPORTTESTING_H

#include "runtime/export/Export.h"
#include "tests/runtime/table/FaultyFileSystem.h"
#include "tests/runtime/table/TestModel.h"

#include <map>
#include <string>
#include <vector>

namespace heter::runtime::test {

/// Tables emb (6, adagrad), fm (weight 1, sgd; vector 2, adam, admitted by count) and late (2, all of it admitted by
/// count); parameters w (2 x 3, adam with an average) and b (sgd).
package::PackageInfo exportModelInfo();
/// All of it.
exports::PredictionNeeds allNeeds();
StoreSchema schemaOf(const package::PackageInfo &info);

/// Pushes to keys `first` to `last` of every table, and to the parameters, in one more step.
void trainKeys(TestCluster &cluster, uint64_t first, uint64_t last);
void save(FaultyFileSystem &files, TestCluster &cluster, const std::string &dir);

/// What predictions read of the keys up to `last` and the parameters.
std::vector<float> predicted(TestCluster &cluster, uint64_t last);

/// Exports with all needs; fails the test if that fails.
ExportReport exportTo(FaultyFileSystem &files, const std::string &load, const std::string &out,
                      const std::string &since = "", exports::RowCoding coding = exports::RowCoding::F32);
/// A cluster that has loaded `path`; fails the test if that fails.
TestCluster loaded(FaultyFileSystem &files, const std::string &path, int servers = 1);

} // namespace heter::runtime::test

#endif // HETER_TESTS_RUNTIME_EXPORT_EXPORTTESTING_H

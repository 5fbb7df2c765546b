// Files written and read plainly, past the system's cache and from front to back: what saves and loads are held
// against. And what of the checks and the folder the benchmarks of saves share. Whatever fails ends the process with
// its reason.
#ifndef HETER_BENCH_TABLE_PLAINFILES_H
#define HETER_BENCH_TABLE_PLAINFILES_H

#include "runtime/base/FileSystem.h"
#include "runtime/base/PageMapping.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace heter::bench {

[[noreturn]] void stop(const std::string &why);
void check(const runtime::Status &status);

/// What the memory is made of that is written from or read to. A device takes what lies together there in one request:
/// with ordinary pages that is luck.
using Pages = runtime::PageMapping::Pages;

/// Seconds that a new file of `bytes` bytes took until it was synced; rounded up to whole pieces.
double writePlainly(const std::string &path, size_t bytes, Pages pages = Pages::Ordinary);
/// Seconds that reading the file took, into memory that is used again and again.
double readPlainly(const std::string &path, Pages pages = Pages::Ordinary);
/// The same into `bytes` bytes of memory that nobody has used yet, as a table's is that is loaded; `threads` make the
/// memory ready while one reads. `keep` has the memory, so that who is measured next gets none that the system has just
/// made ready.
double readIntoFreshMemory(const std::string &path, size_t bytes, int threads, std::shared_ptr<void> &keep);

/// Has the system have so much memory at hand, as huge pages, that was given back just now and had been in use for some
/// seconds: by then the system has given away what others gave back before, and takes its time until it does so again.
void haveMemoryReady(size_t bytes, int seconds);

/// Has the next read of a folder's files come from the disk.
void dropFromCache(runtime::FileSystem &files, const std::string &dir);
size_t bytesIn(runtime::FileSystem &files, const std::string &dir);
void removeAll(runtime::FileSystem &files, const std::string &dir);

/// Runs `body` in a process of its own with a new folder within `parent`, and removes the folder whatever has become of
/// the process. Gives its exit status; signals that ask this process to end end the other. REQUIRES: this one has no
/// threads yet.
int runInOwnFolder(const std::string &parent, const std::function<int(const std::string &folder)> &body);

/// Runs this program again with two arguments and gives the number that it prints.
double numberFromFreshProcess(const std::string &flag, const std::string &value);

} // namespace heter::bench

#endif // HETER_BENCH_TABLE_PLAINFILES_H

// Direct I/O in large pieces, folders that do not outlive their process, and processes.
#include "bench/table/PlainFiles.h"
#include "bench/table/Timing.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace heter::runtime;

namespace heter::bench {
namespace {
constexpr size_t ioBytes = size_t{4} << 20;

PageMapping makeMemory(size_t bytes, Pages pages) {
  PageMapping memory(bytes, pages);
  std::memset(memory.begin(), 'x', memory.size());
  return memory;
}

int openDirect(const std::string &path, int flags) {
  const int file = ::open(path.c_str(), flags | O_DIRECT, 0666);
  if (file < 0)
    stop("cannot open " + path + " for direct I/O: " + std::strerror(errno));
  return file;
}

std::vector<std::string> namesIn(FileSystem &files, const std::string &dir) {
  auto names = files.list(dir);
  check(names.status());
  return std::move(*names);
}

pid_t running = 0; // for the handler

void passOn(int signal) { ::kill(running, signal); }
} // namespace

void stop(const std::string &why) {
  std::fprintf(stderr, "checkpoint-bench: %s\n", why.c_str());
  std::fflush(nullptr);
  std::_Exit(1); // threads may be at work
}

void check(const Status &status) {
  if (!status.ok())
    stop(status.message());
}

double writePlainly(const std::string &path, size_t bytes, Pages pages) {
  const PageMapping buffer = makeMemory(ioBytes, pages);
  const double start = seconds();
  const int file = openDirect(path, O_WRONLY | O_CREAT | O_TRUNC);
  for (size_t done = 0; done < bytes; done += ioBytes)
    if (::write(file, buffer.begin(), ioBytes) != static_cast<ssize_t>(ioBytes))
      stop("cannot write " + path);
  if (::fsync(file) != 0)
    stop("cannot sync " + path);
  ::close(file);
  return seconds() - start;
}

double readPlainly(const std::string &path, Pages pages) {
  const PageMapping buffer = makeMemory(ioBytes, pages);
  const double start = seconds();
  const int file = openDirect(path, O_RDONLY);
  while (::read(file, buffer.begin(), ioBytes) > 0) {
  }
  ::close(file);
  return seconds() - start;
}

double readIntoFreshMemory(const std::string &path, size_t bytes, int threads, std::shared_ptr<void> &keep) {
  const size_t size = (bytes + ioBytes - 1) / ioBytes * ioBytes + ioBytes;
  const double start = seconds();
  const auto mapping = std::make_shared<PageMapping>(size, Pages::Huge);
  char *const memory = mapping->begin();
  keep = mapping;
  const size_t pages = bytes / hugePage;
  std::atomic<size_t> next{0}, made{0};
  std::vector<std::thread> making;
  for (int i = 0; i < threads; ++i)
    making.emplace_back([&] {
      for (size_t page; (page = next.fetch_add(1)) < pages;) {
        *static_cast<volatile char *>(memory + page * hugePage) = 0;
        made.fetch_add(1);
        made.notify_one();
      }
    });
  const auto waitFor = [&](size_t page) { // others may be under way
    for (size_t have; (have = made.load()) < std::min(page + static_cast<size_t>(threads), pages);)
      made.wait(have);
  };
  const int file = openDirect(path, O_RDONLY);
  size_t at = 0;
  for (ssize_t got = 1; got > 0; at += static_cast<size_t>(std::max<ssize_t>(got, 0))) {
    waitFor((at + ioBytes) / hugePage + 1);
    got = ::read(file, memory + at, ioBytes);
  }
  ::close(file);
  for (std::thread &thread : making)
    thread.join();
  return seconds() - start;
}

void haveMemoryReady(size_t bytes, int seconds) {
  const PageMapping memory = makeMemory(bytes, Pages::Huge);
  std::this_thread::sleep_for(std::chrono::seconds(seconds));
}

void dropFromCache(FileSystem &files, const std::string &dir) {
  for (const std::string &name : namesIn(files, dir)) {
    const int file = ::open((dir + "/" + name).c_str(), O_RDONLY);
    ::fsync(file);
    ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    ::close(file);
  }
}

size_t bytesIn(FileSystem &files, const std::string &dir) {
  size_t bytes = 0;
  for (const std::string &name : namesIn(files, dir))
    bytes += static_cast<size_t>(*files.fileSize(dir + "/" + name));
  return bytes;
}

void removeAll(FileSystem &files, const std::string &dir) {
  for (const std::string &name : namesIn(files, dir))
    check(files.remove(dir + "/" + name));
}

int runInOwnFolder(const std::string &parent, const std::function<int(const std::string &)> &body) {
  std::error_code error;
  std::filesystem::create_directories(parent, error);
  std::string folder = parent + "/checkpoint-bench.XXXXXX";
  if (!::mkdtemp(folder.data()))
    stop("cannot make a folder in " + parent + ": " + std::strerror(errno));
  running = ::fork();
  if (running < 0)
    stop(std::string("cannot start a process: ") + std::strerror(errno));
  if (running == 0) {
    const int status = body(folder);
    std::fflush(nullptr);
    std::_Exit(status);
  }
  for (const int signal : {SIGINT, SIGTERM, SIGHUP})
    std::signal(signal, passOn);
  int status = 0;
  while (::waitpid(running, &status, 0) < 0 && errno == EINTR) {
  }
  std::filesystem::remove_all(folder, error);
  if (error)
    stop("cannot remove " + folder + ": " + error.message());
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

double numberFromFreshProcess(const std::string &flag, const std::string &value) {
  int ends[2];
  if (::pipe(ends) != 0)
    stop("cannot make a pipe");
  const pid_t process = ::fork();
  if (process < 0)
    stop("cannot start a process");
  if (process == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::execl("/proc/self/exe", "checkpoint-bench", flag.c_str(), value.c_str(), nullptr);
    std::_Exit(127);
  }
  ::close(ends[1]);
  char text[64] = {};
  const ssize_t got = ::read(ends[0], text, sizeof(text) - 1);
  ::close(ends[0]);
  int status = 0;
  if (::waitpid(process, &status, 0) != process || status != 0 || got <= 0)
    stop("the process of `" + flag + "` failed");
  return std::atof(text);
}

} // namespace heter::bench

// The process's one logger: a level, a prefix and a sink behind a mutex.
#include "runtime/base/Log.h"

#include "runtime/base/ThreadAnnotations.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <string>

namespace heter::runtime {
namespace {

struct Logger {
  std::atomic<LogLevel> level{LogLevel::Info};
  Mutex mutex;
  LogSink sink HETER_GUARDED_BY(mutex);
  std::string prefix HETER_GUARDED_BY(mutex);
};

/// Never destroyed, so that threads may log while the process ends.
Logger &logger() {
  static auto *instance = new Logger;
  return *instance;
}

std::string_view levelMark(LogLevel level) {
  switch (level) {
  case LogLevel::Debug:
    return "debug: ";
  case LogLevel::Info:
    return "";
  case LogLevel::Warning:
    return "warning: ";
  case LogLevel::Error:
    return "error: ";
  }
  return "";
}

} // namespace

void setLogSink(LogSink sink) {
  Logger &l = logger();
  MutexLock lock(l.mutex);
  l.sink = std::move(sink);
}

void setLogLevel(LogLevel level) { logger().level.store(level, std::memory_order_relaxed); }

void setLogPrefix(std::string_view prefix) {
  Logger &l = logger();
  MutexLock lock(l.mutex);
  l.prefix = prefix;
}

void log(LogLevel level, std::string_view message) {
  Logger &l = logger();
  if (level < l.level.load(std::memory_order_relaxed))
    return;
  std::string line(message);
  std::replace(line.begin(), line.end(), '\n', ' ');
  MutexLock lock(l.mutex);
  if (l.sink) {
    l.sink(level, line);
    return;
  }
  std::string whole = l.prefix;
  whole.append(levelMark(level)).append(line).push_back('\n');
  std::fwrite(whole.data(), 1, whole.size(), stderr);
}

} // namespace heter::runtime

// Sums by node, and the first events as they were.
#include "runtime/graph/Profile.h"

#include <algorithm>
#include <cstdio>

namespace heter::runtime {
namespace {

double microseconds(Duration time) { return std::chrono::duration<double, std::micro>(time).count(); }

template <typename... Values> std::string formatted(const char *format, Values... values) {
  char text[64];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

/// As a JSON string; names are identifiers, places and shapes, so only what would end the string is escaped.
std::string quoted(const std::string &text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      result += '\\';
    result += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return result + "\"";
}

} // namespace

void Profile::add(const ProfiledWork &work, int64_t frame, TimePoint start, TimePoint end) {
  MutexLock lock(mutex_);
  auto found = totals_.try_emplace(work).first;
  found->second.time += end - start;
  ++found->second.calls;
  if (events_.size() >= mostEvents)
    return;
  int thread = threads_.try_emplace(std::this_thread::get_id(), static_cast<int>(threads_.size())).first->second;
  events_.push_back({&found->first, frame, start, end, thread});
}

std::string Profile::table() const {
  MutexLock lock(mutex_);
  std::vector<std::pair<const ProfiledWork *, Total>> rows;
  Duration sum{};
  for (const auto &[work, total] : totals_) {
    rows.emplace_back(&work, total);
    sum += work.waits ? Duration{} : total.time;
  }
  std::stable_sort(rows.begin(), rows.end(), [](const auto &a, const auto &b) {
    return std::pair(!a.first->waits, a.second.time) > std::pair(!b.first->waits, b.second.time);
  });
  std::string text = " share          ms     calls   us a call  role, kind, name, place\n";
  for (const auto &[work, total] : rows) {
    const double time = microseconds(total.time), share = sum.count() ? 100 * time / microseconds(sum) : 0;
    text += work->waits ? " waits" : formatted("%5.1f%%", share);
    text += formatted(" %11.1f %9lld %11.1f  ", time / 1000, static_cast<long long>(total.calls),
                      time / static_cast<double>(total.calls));
    text += work->role + "  " + work->kind + "  " + work->name + (work->location.empty() ? "" : "  " + work->location) +
            "\n";
  }
  return text;
}

std::string Profile::trace() const {
  MutexLock lock(mutex_);
  TimePoint first = events_.empty() ? TimePoint() : events_.front().start;
  for (const Event &event : events_)
    first = std::min(first, event.start);
  std::string text = "[";
  for (const Event &event : events_) {
    text += text.size() > 1 ? ",\n" : "\n";
    text += "{\"ph\": \"X\", \"pid\": 0, \"tid\": " + std::to_string(event.thread) +
            ", \"cat\": " + quoted(event.work->kind) +
            ", \"name\": " + quoted(event.work->kind + " " + event.work->name) +
            formatted(", \"ts\": %.3f", microseconds(event.start - first)) +
            formatted(", \"dur\": %.3f", microseconds(event.end - event.start)) +
            ", \"args\": {\"role\": " + quoted(event.work->role) + ", \"frame\": " + std::to_string(event.frame) +
            ", \"place\": " + quoted(event.work->location) + "}}";
  }
  return text + "\n]\n";
}

} // namespace heter::runtime

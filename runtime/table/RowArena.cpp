// Regions of anonymous memory, of which only what was handed out is ever touched.
#include "runtime/table/RowArena.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <new>
#include <sys/mman.h>

namespace heter::runtime {

static constexpr size_t firstRegion = hugePage; // of ordinary pages: small tables do not take huge ones
static constexpr size_t leastRegion = size_t{64} << 20;
static constexpr size_t mostRegion = size_t{1} << 30;
// What is made ready ahead: a part of what is there, so that the faster a table can grow the further it reaches.
static constexpr size_t aheadPart = 256;
static constexpr size_t leastAhead = size_t{512} << 10;
static constexpr size_t mostAhead = size_t{32} << 20;
// Of what is expected to be used soon: enough that nobody comes to a page that another thread is clearing.
static constexpr size_t expectedAhead = size_t{32} << 20;
// A block of pieces that lie close to each other: a small part of what is there.
static constexpr size_t closePart = 512;
static constexpr size_t mostClose = size_t{256} << 10;

static size_t roundUp(size_t bytes, size_t to) { return (bytes + to - 1) / to * to; }

/// Has the system make a huge page whose bytes may be in use already.
static void makeReady(char *page) {
#if defined(MADV_POPULATE_WRITE)
  if (madvise(page, hugePage, MADV_POPULATE_WRITE) == 0 || errno != EINVAL)
    return; // or it is made when it is touched
#endif
  for (size_t at = 0; at < hugePage; at += 4096) // an older system
    std::atomic_ref<char>(page[at]).fetch_or(0, std::memory_order_relaxed);
}

void RowArena::addRegion(size_t atLeast) {
  const bool huge = !regions_.empty() || atLeast >= leastRegion;
  // Later ones as large as all before, so that mapping them, which waits for pages that are being cleared, is rare.
  const size_t wanted = huge ? std::clamp(bytes_, leastRegion, mostRegion) : firstRegion;
  regions_.emplace_back(std::max(atLeast, wanted), huge ? PageMapping::Pages::Huge : PageMapping::Pages::Ordinary);
  next_ = regions_.back().begin();
  end_ = regions_.back().end();
  ready_ = huge ? next_ : end_;
  expected_ = nullptr;
}

char *RowArena::allocate(size_t bytes) {
  MutexLock lock(mutex_);
  return take(roundUp(bytes, 64));
}

char *RowArena::allocateClose(size_t bytes) {
  bytes = roundUp(bytes, 64);
  MutexLock lock(mutex_);
  if (static_cast<size_t>(closeEnd_ - closeNext_) < bytes) {
    const size_t block = std::clamp(roundUp(bytes_ / closePart, bytes), bytes, std::max(bytes, mostClose));
    closeNext_ = take(block);
    closeEnd_ = closeNext_ + block;
  }
  char *piece = closeNext_;
  closeNext_ += bytes;
  return piece;
}

char *RowArena::take(size_t bytes) {
  if (static_cast<size_t>(end_ - next_) < bytes)
    addRegion(bytes);
  char *piece = next_;
  next_ += bytes;
  bytes_ += bytes;
  readyAhead();
  return piece;
}

char *RowArena::nextToReady(size_t ahead, const char *end) {
  if (ready_ >= end || ready_ > next_ + ahead)
    return nullptr;
  char *const page = std::max(ready_, next_ - reinterpret_cast<uintptr_t>(next_) % hugePage);
  ready_ = page + hugePage;
  return page;
}

void RowArena::readyAhead() {
  if (!background_)
    return;
  const size_t ahead = std::clamp(bytes_ / aheadPart, leastAhead, mostAhead);
  while (char *page = nextToReady(ahead, end_))
    background_([page] { makeReady(page); });
}

void RowArena::reserve(size_t bytes) {
  if (bytes < leastRegion)
    return;
  MutexLock lock(mutex_);
  try {
    if (static_cast<size_t>(end_ - next_) < bytes)
      addRegion(bytes);
  } catch (const std::bad_alloc &) {
    return; // it is taken piece by piece, as long as there is any
  }
  expected_ = next_ + bytes;
}

bool RowArena::readyNext() {
  char *page = nullptr;
  {
    MutexLock lock(mutex_);
    page = expected_ ? nextToReady(expectedAhead, expected_) : nullptr;
  }
  if (page)
    makeReady(page);
  return page != nullptr;
}

void RowArena::lend() {
#if defined(MADV_FREE)
  MutexLock lock(mutex_);
  for (const PageMapping &region : regions_) {
    // Huge pages whole: to give up a part of one the system would split it. If it refuses, it does without.
    char *const used = &region == &regions_.back() ? next_ : region.end();
    madvise(region.begin(), roundUp(static_cast<size_t>(used - region.begin()), hugePage), MADV_FREE);
  }
#endif
}

size_t RowArena::bytes() const {
  MutexLock lock(mutex_);
  return bytes_;
}

} // namespace heter::runtime

// Regions of anonymous memory, of which only what was handed out is ever touched.
#include "runtime/table/RowArena.h"

#include <algorithm>
#include <cstdint>
#include <new>

#include <sys/mman.h>

namespace heter::runtime {

static constexpr size_t hugePage = size_t{2} << 20;
static constexpr size_t firstRegion = hugePage; // of ordinary pages: small tables do not take huge ones
static constexpr size_t laterRegion = size_t{64} << 20;
static constexpr size_t nearlyUsedUp = size_t{512} << 10; // what is left of a page when the next one is made ready

static size_t roundUp(size_t bytes, size_t to) { return (bytes + to - 1) / to * to; }

RowArena::~RowArena() {
  for (const Region &region : regions_)
    munmap(region.mapping, region.size);
}

void RowArena::addRegion(size_t atLeast) {
  const bool huge = !regions_.empty();
  const size_t usable = roundUp(std::max(atLeast, huge ? laterRegion : firstRegion), hugePage);
  const size_t size = usable + (huge ? hugePage : 0); // the address is rounded up to a huge page
  void *mapping = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED)
    throw std::bad_alloc();
  regions_.push_back({mapping, size});
  next_ = static_cast<char *>(mapping);
  if (huge)
    next_ = reinterpret_cast<char *>(roundUp(reinterpret_cast<uintptr_t>(mapping), hugePage));
  end_ = next_ + usable;
  ready_ = huge ? next_ : end_;
#if defined(MADV_HUGEPAGE)
  madvise(next_, usable, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
#endif
}

char *RowArena::allocate(size_t bytes) {
  bytes = roundUp(bytes, 64);
  MutexLock lock(mutex_);
  if (static_cast<size_t>(end_ - next_) < bytes)
    addRegion(bytes);
  char *piece = next_;
  next_ += bytes;
  bytes_ += bytes;
  readyAhead();
  return piece;
}

void RowArena::readyAhead() {
#if defined(MADV_POPULATE_WRITE)
  if (!background_ || ready_ >= end_ || next_ + nearlyUsedUp < ready_)
    return;
  char *const page = std::max(ready_, next_ - reinterpret_cast<uintptr_t>(next_) % hugePage);
  ready_ = page + hugePage;
  // If it fails, the page is made when it is touched.
  background_([page] { madvise(page, hugePage, MADV_POPULATE_WRITE); });
#endif
}

size_t RowArena::bytes() const {
  MutexLock lock(mutex_);
  return bytes_;
}

} // namespace heter::runtime

#include "runtime/base/PageMapping.h"

#include <cstdint>
#include <new>
#include <sys/mman.h>
#include <utility>

namespace heter::runtime {

PageMapping::PageMapping(size_t bytes, Pages pages) : size_((bytes + hugePage - 1) / hugePage * hugePage) {
  // Nothing is set aside for pages that are never touched.
  void *mapping =
      mmap(nullptr, size_ + hugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED)
    throw std::bad_alloc();
  mapping_ = mapping;
  begin_ = static_cast<char *>(mapping) + (-reinterpret_cast<uintptr_t>(mapping)) % hugePage;
  ask(pages);
}

PageMapping::PageMapping(PageMapping &&other) noexcept { *this = std::move(other); }

PageMapping &PageMapping::operator=(PageMapping &&other) noexcept {
  std::swap(mapping_, other.mapping_);
  std::swap(begin_, other.begin_);
  std::swap(size_, other.size_);
  return *this;
}

PageMapping::~PageMapping() {
  if (mapping_)
    munmap(mapping_, size_ + hugePage);
}

void PageMapping::ask([[maybe_unused]] Pages pages) {
#if defined(MADV_HUGEPAGE)
  madvise(begin_, size_, pages == Pages::Huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
#endif
}

void PageMapping::clear() { madvise(begin_, size_, MADV_DONTNEED); }

} // namespace heter::runtime

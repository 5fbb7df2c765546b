// Memory by whole huge pages, straight from the system: for what is large enough that page tables cost time.
#ifndef HETER_RUNTIME_BASE_PAGEMAPPING_H
#define HETER_RUNTIME_BASE_PAGEMAPPING_H

#include <cstddef>

namespace heter::runtime {

constexpr size_t hugePage = size_t{2} << 20; ///< In bytes, on every processor that Heter runs on.

/// Zeroed memory that begins at a multiple of `hugePage` and goes back to the system with this. Its pages come when
/// they are touched. Thread-compatible.
class PageMapping {
public:
  enum class Pages { Ordinary, Huge };

  /// None.
  PageMapping() = default;
  /// At least `bytes`, up to whole huge pages. `pages` is what the system is asked for and need not be what it gives.
  /// Throws std::bad_alloc.
  PageMapping(size_t bytes, Pages pages);
  PageMapping(PageMapping &&other) noexcept;
  PageMapping &operator=(PageMapping &&other) noexcept;
  ~PageMapping();

  char *begin() const { return begin_; }
  char *end() const { return begin_ + size_; }
  size_t size() const { return size_; }

  /// Asks for pages of that kind. Those that are there stay as they are.
  void ask(Pages pages);
  /// Gives all pages back: what is touched next is zero, of the kind that was asked for last.
  void clear();

private:
  void *mapping_ = nullptr; ///< With up to a huge page before begin_.
  char *begin_ = nullptr;
  size_t size_ = 0;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_BASE_PAGEMAPPING_H

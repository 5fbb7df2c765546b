// UniqueFunction: a callable that is moved, never copied, so that it may own buffers and promises. Small callables
// (up to 48 bytes) live inside the object.
#ifndef HETER_RUNTIME_BASE_UNIQUEFUNCTION_H
#define HETER_RUNTIME_BASE_UNIQUEFUNCTION_H

#include <cassert>
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace heter::runtime {

template <typename Signature> class UniqueFunction;

template <typename R, typename... Args> class UniqueFunction<R(Args...)> {
public:
  UniqueFunction() = default;
  UniqueFunction(std::nullptr_t) {}
  template <typename F>
    requires(!std::is_same_v<std::decay_t<F>, UniqueFunction> && std::is_invocable_r_v<R, std::decay_t<F> &, Args...>)
  UniqueFunction(F &&callable) {
    using Callable = std::decay_t<F>;
    if constexpr (sizeof(Callable) <= inlineBytes && alignof(Callable) <= alignof(std::max_align_t) &&
                  std::is_nothrow_move_constructible_v<Callable>) {
      new (storage_) Callable(std::forward<F>(callable));
      table_ = &inlineTable<Callable>;
    } else {
      new (storage_) Callable *(new Callable(std::forward<F>(callable)));
      table_ = &heapTable<Callable>;
    }
  }
  UniqueFunction(UniqueFunction &&other) noexcept { take(other); }
  UniqueFunction &operator=(UniqueFunction &&other) noexcept {
    if (this != &other) {
      reset();
      take(other);
    }
    return *this;
  }
  UniqueFunction(const UniqueFunction &) = delete;
  UniqueFunction &operator=(const UniqueFunction &) = delete;
  ~UniqueFunction() { reset(); }

  explicit operator bool() const { return table_ != nullptr; }

  /// REQUIRES: *this holds a callable.
  R operator()(Args... args) {
    assert(table_ && "calling an empty function");
    return table_->call(storage_, std::forward<Args>(args)...);
  }

private:
  static constexpr std::size_t inlineBytes = 48;
  struct Table {
    R (*call)(void *, Args &&...);
    void (*move)(void *from, void *to); ///< Also destroys `from`.
    void (*destroy)(void *);
  };

  template <typename C>
  static constexpr Table inlineTable = {
      [](void *s, Args &&...args) -> R { return (*static_cast<C *>(s))(std::forward<Args>(args)...); },
      [](void *from, void *to) {
        new (to) C(std::move(*static_cast<C *>(from)));
        static_cast<C *>(from)->~C();
      },
      [](void *s) { static_cast<C *>(s)->~C(); }};
  template <typename C>
  static constexpr Table heapTable = {
      [](void *s, Args &&...args) -> R { return (**static_cast<C **>(s))(std::forward<Args>(args)...); },
      [](void *from, void *to) { new (to) C *(*static_cast<C **>(from)); },
      [](void *s) { delete *static_cast<C **>(s); }};

  void take(UniqueFunction &other) {
    table_ = std::exchange(other.table_, nullptr);
    if (table_)
      table_->move(other.storage_, storage_);
  }
  void reset() {
    if (const Table *table = std::exchange(table_, nullptr))
      table->destroy(storage_);
  }

  alignas(std::max_align_t) std::byte storage_[inlineBytes];
  const Table *table_ = nullptr;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_BASE_UNIQUEFUNCTION_H

// RecursiveList: the list type of IDL structs that contain each other. It is a std::vector whose special members are
// not constexpr, so that a compiler looks into them only once the element type is complete: the generated header uses
// lists of Graph in Node before it defines Graph.
#ifndef HETER_RUNTIME_PACKAGE_RECURSIVELIST_H
#define HETER_RUNTIME_PACKAGE_RECURSIVELIST_H

#include <cstddef>
#include <ostream>
#include <utility>
#include <vector>

namespace heter::runtime::package {

template <typename T> class RecursiveList : public std::vector<T> {
public:
  // Written out, and not defaulted, on purpose.
  RecursiveList() {}
  RecursiveList(std::vector<T> list) : std::vector<T>(std::move(list)) {}
  RecursiveList(const RecursiveList &other) : std::vector<T>(other) {}
  RecursiveList(RecursiveList &&other) noexcept : std::vector<T>(std::move(other)) {}
  ~RecursiveList() {}
  RecursiveList &operator=(const RecursiveList &other) {
    std::vector<T>::operator=(other);
    return *this;
  }
  RecursiveList &operator=(RecursiveList &&other) noexcept {
    std::vector<T>::operator=(std::move(other));
    return *this;
  }

  friend bool operator==(const RecursiveList &a, const RecursiveList &b) {
    return static_cast<const std::vector<T> &>(a) == static_cast<const std::vector<T> &>(b);
  }

  /// As the generated structs print their lists.
  friend std::ostream &operator<<(std::ostream &out, const RecursiveList &list) {
    out << "[";
    for (size_t i = 0; i < list.size(); ++i)
      out << (i ? ", " : "") << list[i];
    return out << "]";
  }
};

} // namespace heter::runtime::package

#endif // HETER_RUNTIME_PACKAGE_RECURSIVELIST_H

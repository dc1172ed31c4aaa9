#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace atl::spi {

/// Appends values to a byte string: integers little-endian in full width, strings with a 32-bit
/// length before them. What `writer` wrote, `reader` reads.
class writer {
 public:
  template <class T>
  requires std::is_integral_v<T> || std::is_enum_v<T> writer& put(T value) {
    static_assert(std::endian::native == std::endian::little, "big-endian hosts need a byte swap");
    char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    out_.append(bytes, sizeof(T));
    return *this;
  }

  writer& put(std::string_view text) {
    put(static_cast<std::uint32_t>(text.size()));
    out_.append(text);
    return *this;
  }
  writer& put(const std::string& text) { return put(std::string_view{text}); }
  writer& put(const char* text) { return put(std::string_view{text}); }

  std::string take() { return std::move(out_); }
  std::string_view view() const { return out_; }
  std::size_t size() const { return out_.size(); }

 private:
  std::string out_;
};

/// Reads what `writer` wrote, from bytes that may be hostile. Never reads beyond the end and never
/// allocates more than the input has bytes: after the first incomplete value, `ok()` is false and
/// all further values are zero or empty. Check `ok()` (or `done()`) once, at the end, before using
/// anything that was read.
class reader {
 public:
  explicit reader(std::string_view bytes) : rest_{bytes} {}

  template <class T>
  requires std::is_integral_v<T> T get() {
    T value{};
    if (!has(sizeof(T)))
      return value;
    if constexpr (std::is_same_v<T, bool>) {
      auto byte = static_cast<unsigned char>(rest_.front());
      if (byte > 1)
        ok_ = false;
      value = byte == 1;
    } else {
      std::memcpy(&value, rest_.data(), sizeof(T));
    }
    rest_.remove_prefix(sizeof(T));
    return value;
  }

  /// An enumeration whose values are 0 … `last`; another number makes the reader fail.
  template <class E>
  requires std::is_enum_v<E> E get_enum(E last) {
    using raw = std::underlying_type_t<E>;
    auto value = get<raw>();
    if (value > static_cast<raw>(last) || value < raw{})
      ok_ = false;
    return ok_ ? static_cast<E>(value) : E{};
  }

  /// A view into the bytes that the reader was made from, of at most `limit` bytes.
  std::string_view get_text(std::size_t limit = SIZE_MAX) {
    auto size = get<std::uint32_t>();
    if (size > limit)
      ok_ = false;
    if (!has(size))
      return {};
    auto text = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return text;
  }
  std::string get_string(std::size_t limit = SIZE_MAX) { return std::string{get_text(limit)}; }

  /// A count of items that take at least `item_size` bytes each. A count that exceeds the remaining
  /// bytes makes the reader fail.
  std::uint32_t get_count(std::size_t item_size = 1) {
    auto count = get<std::uint32_t>();
    if (item_size != 0 && count > rest_.size() / item_size)
      ok_ = false;
    return ok_ ? count : 0;
  }

  bool ok() const { return ok_; }
  /// All values were complete, and no bytes are left.
  bool done() const { return ok_ && rest_.empty(); }
  std::string_view rest() const { return rest_; }
  void fail() { ok_ = false; }

 private:
  bool has(std::size_t size) {
    if (ok_ && rest_.size() >= size)
      return true;
    ok_ = false;
    return false;
  }

  std::string_view rest_;
  bool ok_ = true;
};

} // namespace atl::spi

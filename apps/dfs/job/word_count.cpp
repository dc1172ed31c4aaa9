#include "job/word_count.hpp"

#include <array>
#include <cstddef>

namespace dfs::job {

namespace {

constexpr std::array<byte_class, 256> make_classes() {
  std::array<byte_class, 256> classes{};
  for (std::size_t byte = 0x21; byte < 0x7f; ++byte)
    classes[byte] = byte_class::printable;
  for (auto byte : {' ', '\t', '\n', '\v', '\f', '\r'})
    classes[static_cast<unsigned char>(byte)] = byte_class::space;
  return classes;
}

constexpr auto classes = make_classes();

} // namespace

void word_count::add(std::string_view data) {
  word_count here;
  here.bytes = data.size();
  for (auto byte : data) {
    here.lines += byte == '\n';
    auto is = classes[static_cast<unsigned char>(byte)];
    if (is == byte_class::other)
      continue;
    here.words += is == byte_class::printable && here.last != byte_class::printable;
    if (here.first == byte_class::other)
      here.first = is;
    here.last = is;
  }
  append(here);
}

void word_count::append(const word_count& next) {
  auto is_split = last == byte_class::printable && next.first == byte_class::printable;
  lines += next.lines;
  words += next.words - is_split;
  bytes += next.bytes;
  if (first == byte_class::other)
    first = next.first;
  if (next.last != byte_class::other)
    last = next.last;
}

} // namespace dfs::job

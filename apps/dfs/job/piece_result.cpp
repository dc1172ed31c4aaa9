#include "job/piece_result.hpp"

#include "job/job_limits.hpp"
#include "job/job_spec.hpp"

#include <atoll/spi/codec.hpp>

namespace dfs::job {

namespace {

using atl::spi::reader;
using atl::spi::writer;

/// The least that a `found_line` takes.
constexpr std::size_t found_line_bytes = 8 + 4;

void write(writer& out, const posix_checksum& it) {
  out.put(it.remainder()).put(it.bytes());
}
void write(writer& out, const word_count& it) {
  out.put(it.lines).put(it.words).put(it.bytes).put(it.first).put(it.last);
}
void write(writer& out, const found_lines& it) {
  out.put(it.head).put(it.has_break).put(it.tail).put(it.breaks).put(it.matches);
  out.put(static_cast<std::uint32_t>(it.lines.size()));
  for (auto& found : it.lines)
    out.put(found.line).put(found.text);
}

posix_checksum read_checksum(reader& in) {
  auto remainder = in.get<std::uint32_t>();
  return {remainder, in.get<std::uint64_t>()};
}
word_count read_count(reader& in) {
  word_count it;
  it.lines = in.get<std::uint64_t>();
  it.words = in.get<std::uint64_t>();
  it.bytes = in.get<std::uint64_t>();
  it.first = in.get_enum(byte_class_last);
  it.last = in.get_enum(byte_class_last);
  return it;
}
found_lines read_lines(reader& in) {
  found_lines it;
  it.head = in.get_string(line_bytes_max);
  it.has_break = in.get<bool>();
  it.tail = in.get_string(line_bytes_max);
  it.breaks = in.get<std::uint64_t>();
  it.matches = in.get<std::uint64_t>();
  it.lines.resize(in.get_count(found_line_bytes));
  for (auto& found : it.lines) {
    found.line = in.get<std::uint64_t>();
    found.text = in.get_string(line_bytes_max);
  }
  return it;
}

} // namespace

std::string encode(const piece_result& result) {
  writer out;
  out.put(result.bytes).put(static_cast<job_kind>(result.value.index()));
  std::visit([&](auto& value) { write(out, value); }, result.value);
  return out.take();
}

atl::result<piece_result> decode_piece_result(std::string_view bytes) {
  reader in{bytes};
  piece_result result;
  result.bytes = in.get<std::uint64_t>();
  switch (in.get_enum(job_kind_last)) {
  case job_kind::checksum:
    result.value = read_checksum(in);
    break;
  case job_kind::count:
    result.value = read_count(in);
    break;
  case job_kind::grep:
    result.value = read_lines(in);
    break;
  }
  if (!in.done())
    return atl::fail(atl::errc::corrupt, "the result of a piece of a job is malformed");
  return result;
}

} // namespace dfs::job

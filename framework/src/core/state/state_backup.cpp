#include <atoll/core/crc32c.hpp>
#include <atoll/core/state/service_logic.hpp>
#include <atoll/core/state/state_backup.hpp>
#include <atoll/spi/codec.hpp>

#include <fmt/format.h>

#include <fstream>
#include <optional>
#include <utility>

namespace atl {

namespace {

constexpr std::string_view magic = "ATLBKUP";
constexpr char format_version = 1;

constexpr std::uint8_t kind_head = 1;
constexpr std::uint8_t kind_rows = 2;
constexpr std::uint8_t kind_end = 3;

/// A length, a checksum and a kind.
constexpr std::size_t block_head_bytes = 4 + 4 + 1;
/// A block is full with so many bytes; its last row may take it beyond.
constexpr std::size_t full_bytes = 256u << 10;
constexpr std::size_t block_bytes_max = 64u << 20;
constexpr std::size_t text_bytes_max = 256;

std::uint32_t checksum(std::uint8_t kind, std::string_view content, std::uint32_t before) {
  const char byte = static_cast<char>(kind);
  return crc32c(content, crc32c({&byte, 1}, before));
}

/// Reads the blocks of a file one after the other.
class block_reader {
 public:
  explicit block_reader(const std::filesystem::path& file)
      : name_{file.string()}, in_{file, std::ios::binary} {}

  /// Errors: io, corrupt, refused.
  status read_magic() {
    if (!in_)
      return fail(errc::io, fmt::format("the backup '{}' can't be opened", name_));
    std::string start(magic.size() + 1, '\0');
    if (!take(start) || std::string_view{start}.substr(0, magic.size()) != magic)
      return damaged("it is no backup");
    if (start.back() != format_version)
      return fail(errc::refused, fmt::format("the backup '{}' has format {}, and this release "
                                             "knows format {}: use the release that wrote it",
                                             name_, int{start.back()}, int{format_version}));
    return {};
  }

  struct block {
    std::uint8_t kind = 0;
    std::string content;
  };
  result<block> next() {
    std::string head(block_head_bytes, '\0');
    if (!take(head))
      return damaged("it ends early");
    spi::reader fields{head};
    auto length = fields.get<std::uint32_t>();
    auto crc = fields.get<std::uint32_t>();
    block found{fields.get<std::uint8_t>(), {}};
    if (length > block_bytes_max)
      return damaged("a block has an impossible length");
    found.content.resize(length);
    if (!take(found.content))
      return damaged("it ends early");
    crc_ = checksum(found.kind, found.content, crc_);
    if (crc_ != crc)
      return damaged("a checksum doesn't fit");
    return found;
  }

  bool is_at_end() { return in_.peek() == std::ifstream::traits_type::eof(); }

  tl::unexpected<error> damaged(std::string_view why) const {
    return fail(errc::corrupt, fmt::format("the backup '{}' can't be used: {}", name_, why));
  }

 private:
  bool take(std::string& bytes) {
    in_.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return static_cast<std::size_t>(in_.gcount()) == bytes.size();
  }

  std::string name_;
  std::ifstream in_;
  std::uint32_t crc_ = 0;
};

std::optional<backup_info> read_head(const block_reader::block& block) {
  spi::reader in{block.content};
  backup_info info;
  info.id = in.get_string(text_bytes_max);
  info.service = in.get_string(text_bytes_max);
  info.service_version = in.get<std::uint32_t>();
  info.cluster = in.get_string(text_bytes_max);
  info.group = in.get_string(text_bytes_max);
  info.log_index = in.get<std::uint64_t>();
  info.time_us = in.get<std::uint64_t>();
  auto is_good = in.done() && block.kind == kind_head && !info.id.empty() && !info.group.empty();
  return is_good ? std::optional{std::move(info)} : std::nullopt;
}

} // namespace

status check_backup(const backup_info& backup, const service_info& service) {
  if (backup.service != service.name)
    return fail(errc::refused, fmt::format("it is of the application '{}', and this is '{}'",
                                           backup.service, service.name));
  if (backup.service_version != service.version)
    return fail(errc::refused,
                fmt::format("it has version {} of the rows of '{}', and this release knows version "
                            "{}: use the release that wrote it",
                            backup.service_version, service.name, service.version));
  return {};
}

std::string backup_writer::block(std::uint8_t kind, const std::string& content) {
  crc_ = checksum(kind, content, crc_);
  spi::writer out;
  out.put(static_cast<std::uint32_t>(content.size())).put(crc_).put(kind);
  return out.take() + content;
}

std::string backup_writer::begin(const backup_info& what) {
  spi::writer out;
  out.put(what.id).put(what.service).put(what.service_version).put(what.cluster).put(what.group);
  out.put(std::uint64_t{what.log_index}).put(what.time_us);
  return std::string{magic} + format_version + block(kind_head, out.take());
}

void backup_writer::add(std::string_view key, std::string_view value) {
  spi::writer out;
  out.put(key).put(value);
  rows_ += out.take();
  ++count_;
}

bool backup_writer::is_full() const {
  return rows_.size() >= full_bytes;
}

std::string backup_writer::take_rows() {
  return block(kind_rows, std::exchange(rows_, {}));
}

std::string backup_writer::end() {
  spi::writer out;
  out.put(count_);
  return block(kind_end, out.take());
}

result<backup_file> backup_file::open(const std::filesystem::path& file) {
  block_reader in{file};
  if (auto begun = in.read_magic(); !begun)
    return tl::unexpected{begun.error()};
  auto first = in.next();
  if (!first)
    return tl::unexpected{first.error()};
  auto info = read_head(*first);
  if (!info)
    return in.damaged("its head makes no sense");
  backup_file found;
  found.file_ = file;
  found.info_ = std::move(*info);
  return found;
}

status backup_file::visit_rows(const row_visitor& visit) const {
  block_reader in{file_};
  if (auto begun = in.read_magic(); !begun)
    return begun;
  auto block = in.next();
  std::uint64_t count = 0;
  std::string last;
  for (block = in.next(); block && block->kind == kind_rows; block = in.next()) {
    spi::reader rows{block->content};
    while (!rows.done()) {
      auto key = rows.get_text();
      auto value = rows.get_text();
      if (!rows.ok() || key.empty() || is_of_framework(key) || key <= last)
        return in.damaged("a row makes no sense");
      if (!visit(key, value))
        return {};
      last = key;
      ++count;
    }
  }
  if (!block)
    return tl::unexpected{block.error()};
  spi::reader end{block->content};
  if (block->kind != kind_end || end.get<std::uint64_t>() != count || !end.done() ||
      !in.is_at_end())
    return in.damaged("its end makes no sense");
  return {};
}

status backup_file::check() const {
  return visit_rows([](std::string_view, std::string_view) { return true; });
}

} // namespace atl

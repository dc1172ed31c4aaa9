#include "elf_symbols.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <elf.h>
#include <optional>
#include <unistd.h>

namespace atl {

namespace {

static_assert(sizeof(void*) == 8, "32-bit machines need the Elf32 types");

#if defined(__x86_64__)
constexpr auto machine = EM_X86_64;
#elif defined(__aarch64__)
constexpr auto machine = EM_AARCH64;
#elif defined(__riscv)
constexpr auto machine = EM_RISCV;
#else
#error "Which machine number do this processor's ELF files carry?"
#endif

/// A plugin's tables take some kilobytes; with sanitizers, some hundreds.
constexpr std::uint64_t table_bytes_max = 16 << 20;

/// Reads parts of a file, never beyond its end and never more than a table may have.
class bounded_file {
 public:
  bounded_file(int file, std::uint64_t size) : file_{file}, size_{size} {}

  std::optional<std::string> read(std::uint64_t offset, std::uint64_t count) const {
    if (count > table_bytes_max || offset > size_ || count > size_ - offset)
      return std::nullopt;
    std::string bytes(count, '\0');
    std::size_t got = 0;
    while (got < count) {
      auto n = ::pread(file_, bytes.data() + got, count - got, static_cast<off_t>(offset + got));
      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return std::nullopt; // the file has shrunk, or the disk failed
      got += static_cast<std::size_t>(n);
    }
    return bytes;
  }

  template <class Record>
  std::optional<std::vector<Record>> read_records(std::uint64_t offset, std::uint64_t bytes) const {
    auto raw = read(offset, bytes);
    if (!raw || bytes % sizeof(Record) != 0)
      return std::nullopt;
    std::vector<Record> records(bytes / sizeof(Record));
    if (!records.empty())
      std::memcpy(records.data(), raw->data(), bytes);
    return records;
  }

 private:
  int file_;
  std::uint64_t size_;
};

tl::unexpected<error> no_plugin(std::string_view why) {
  return fail(errc::invalid, std::string{why});
}

result<Elf64_Ehdr> read_header(const bounded_file& file, std::uint64_t size) {
  if (size == 0)
    return no_plugin("the file is empty");
  auto magic = file.read(0, SELFMAG);
  if (!magic || std::memcmp(magic->data(), ELFMAG, SELFMAG) != 0)
    return no_plugin("expected a shared library (ELF), found another kind of file");
  auto headers = file.read_records<Elf64_Ehdr>(0, sizeof(Elf64_Ehdr));
  if (!headers)
    return no_plugin("the shared library is truncated");
  auto& header = headers->front();
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
      header.e_machine != machine)
    return no_plugin(fmt::format("it is built for another machine (ELF machine {}, expected {})",
                                 header.e_machine, machine));
  if (header.e_type != ET_DYN)
    return no_plugin("expected a shared library, found another type of ELF file");
  return header;
}

bool is_exported(const Elf64_Sym& symbol) {
  auto binding = ELF64_ST_BIND(symbol.st_info);
  auto visibility = ELF64_ST_VISIBILITY(symbol.st_other);
  return symbol.st_shndx != SHN_UNDEF && binding != STB_LOCAL &&
         (visibility == STV_DEFAULT || visibility == STV_PROTECTED);
}

std::string_view name_at(std::string_view names, std::size_t offset) {
  if (offset >= names.size())
    return {};
  auto rest = names.substr(offset);
  auto end = rest.find('\0');
  return end == std::string_view::npos ? std::string_view{} : rest.substr(0, end);
}

/// The sections of a file that is a shared library for this machine.
result<std::vector<Elf64_Shdr>> read_sections(const bounded_file& bytes, std::uint64_t size) {
  auto header = read_header(bytes, size);
  if (!header)
    return tl::unexpected<error>{header.error()};
  auto sections = bytes.read_records<Elf64_Shdr>(header->e_shoff, std::uint64_t{header->e_shnum} *
                                                                      sizeof(Elf64_Shdr));
  if (!sections || header->e_shentsize != sizeof(Elf64_Shdr))
    return no_plugin(
        "the shared library is truncated or damaged (its sections lie beyond its end)");
  return std::move(*sections);
}

/// A section's records, with the texts that they refer to.
template <class Record>
struct named_records {
  std::vector<Record> records;
  std::string names;
};

template <class Record>
result<named_records<Record>> read_named(const bounded_file& bytes,
                                         const std::vector<Elf64_Shdr>& sections,
                                         const Elf64_Shdr& section) {
  if (section.sh_link >= sections.size())
    return no_plugin("the shared library is damaged (its symbols have no names)");
  auto& strings = sections[section.sh_link];
  auto records = bytes.read_records<Record>(section.sh_offset, section.sh_size);
  auto names = bytes.read(strings.sh_offset, strings.sh_size);
  if (!records || !names)
    return no_plugin("the shared library is truncated or damaged (its symbols lie beyond its end)");
  return named_records<Record>{std::move(*records), std::move(*names)};
}

/// Calls `take` with the content of each section of a type.
template <class Record, class Take>
status for_each_section(int file, std::uint64_t size, std::uint32_t type, Take take) {
  bounded_file bytes{file, size};
  auto sections = read_sections(bytes, size);
  if (!sections)
    return tl::unexpected<error>{sections.error()};
  for (auto& section : *sections) {
    if (section.sh_type != type)
      continue;
    auto found = read_named<Record>(bytes, *sections, section);
    if (!found)
      return tl::unexpected<error>{found.error()};
    for (auto& record : found->records)
      take(record, found->names);
  }
  return {};
}

void split_path(std::string_view path, std::vector<std::string>& into) {
  while (!path.empty()) {
    auto end = std::min(path.find(':'), path.size());
    into.emplace_back(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
}

} // namespace

result<std::vector<elf_symbol>> exported_symbols(int file, std::uint64_t size,
                                                 std::string_view prefix) {
  std::vector<elf_symbol> found;
  auto read = for_each_section<Elf64_Sym>(
      file, size, SHT_DYNSYM, [&](const Elf64_Sym& symbol, const std::string& names) {
        auto name = name_at(names, symbol.st_name);
        if (is_exported(symbol) && name.starts_with(prefix))
          found.push_back(
              {std::string{name}, symbol.st_size, ELF64_ST_TYPE(symbol.st_info) == STT_OBJECT});
      });
  if (!read)
    return tl::unexpected<error>{read.error()};
  return found;
}

result<elf_needs> needed_libraries(int file, std::uint64_t size) {
  elf_needs found;
  auto read = for_each_section<Elf64_Dyn>(
      file, size, SHT_DYNAMIC, [&](const Elf64_Dyn& entry, const std::string& names) {
        auto text = name_at(names, entry.d_un.d_val);
        if (entry.d_tag == DT_NEEDED)
          found.libraries.emplace_back(text);
        else if (entry.d_tag == DT_RUNPATH || entry.d_tag == DT_RPATH)
          split_path(text, found.search_path);
      });
  if (!read)
    return tl::unexpected<error>{read.error()};
  return found;
}

} // namespace atl

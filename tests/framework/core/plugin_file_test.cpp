#include "temporary_folder.hpp"

#include <atoll/core/plugin_file.hpp>
#include <atoll/spi/random.hpp>

#include <doctest/doctest.h>

#include <cstring>
#include <elf.h>
#include <iterator>

namespace fs = std::filesystem;

namespace {

std::string contents(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

const fs::path good = fs::path{LOADER_TEST_PLUGINS} / "aborts.so";

/// What is said of a file with these bytes.
std::string refusal(const temporary_folder& folder, std::string_view bytes) {
  return atl::inspect_plugin(folder.write("x.so", bytes)).refusal;
}

template <class Record>
Record record_at(const std::string& bytes, std::size_t offset) {
  Record record;
  std::memcpy(&record, bytes.data() + offset, sizeof(Record));
  return record;
}

/// The library with its dynamic symbol section's header changed.
template <class Change>
std::string with_dynsym(std::string bytes, Change change) {
  auto header = record_at<Elf64_Ehdr>(bytes, 0);
  for (std::size_t i = 0; i < header.e_shnum; ++i) {
    auto offset = header.e_shoff + i * sizeof(Elf64_Shdr);
    auto section = record_at<Elf64_Shdr>(bytes, offset);
    if (section.sh_type != SHT_DYNSYM)
      continue;
    change(section);
    std::memcpy(bytes.data() + offset, &section, sizeof(section));
  }
  return bytes;
}

} // namespace

TEST_CASE("a plugin's symbol is taken apart") {
  auto plugin =
      atl::parse_plugin_symbol("atoll_plugin__1_0__gnu_libstdcxx_cxx11__balancer__1_12_0__by__two");
  REQUIRE(plugin);
  CHECK(plugin->kind == atl::spi::plugin_kind::balancer);
  CHECK(plugin->name == "by__two");
  CHECK(plugin->version == "1.12.0");
  CHECK(plugin->spi_major == 1);
  CHECK(plugin->spi_minor == 0);
  CHECK(plugin->abi == "gnu_libstdcxx_cxx11");
  for (auto text :
       {"", "atoll_plugin__", "atoll_plugin__1_0", "other__1_0__abi__balancer__1_0_0__x",
        "atoll_plugin__1__abi__balancer__1_0_0__x", "atoll_plugin__1_0_0__abi__balancer__1_0_0__x",
        "atoll_plugin__1_0__abi__balancer__1_0__x", "atoll_plugin__1_0__abi__balancer__1_0_0_0__x",
        "atoll_plugin__1_0__abi__other__1_0_0__x", "atoll_plugin__1_0__abi__balancer__1_0_0__",
        "atoll_plugin__1_0__abi__balancer__1_0_0__X", "atoll_plugin__1_0____balancer__1_0_0__x",
        "atoll_plugin__99999999999_0__abi__balancer__1_0_0__x",
        "atoll_plugin__-1_0__abi__balancer__1_0_0__x"})
    CHECK_MESSAGE(!atl::parse_plugin_symbol(text), text);
}

TEST_CASE("a library cut off anywhere is no plugin") {
  temporary_folder folder;
  auto whole = contents(good);
  REQUIRE(refusal(folder, whole).empty());
  for (std::size_t size = 0; size < whole.size(); size += size < 256 ? 1 : 251) {
    auto said = refusal(folder, std::string_view{whole}.substr(0, size));
    CHECK_MESSAGE(said.find("is not a plugin") != std::string::npos, size, ": ", said);
  }
}

TEST_CASE("a library for another machine or of another type is no plugin") {
  temporary_folder folder;
  auto patched = [&](std::size_t offset, char value) {
    auto bytes = contents(good);
    bytes[offset] = value;
    return refusal(folder, bytes);
  };
  CHECK(patched(0, 'X').find("found another kind of file") != std::string::npos);
  CHECK(patched(EI_CLASS, ELFCLASS32).find("another machine") != std::string::npos);
  CHECK(patched(EI_DATA, ELFDATA2MSB).find("another machine") != std::string::npos);
  CHECK(patched(offsetof(Elf64_Ehdr, e_machine), EM_386).find("another machine") !=
        std::string::npos);
  CHECK(patched(offsetof(Elf64_Ehdr, e_type), ET_EXEC).find("another type of ELF file") !=
        std::string::npos);
}

TEST_CASE("a symbol table that claims to be enormous is refused, and nothing is allocated for it") {
  temporary_folder folder;
  for (auto claimed : {~std::uint64_t{0}, std::uint64_t{1} << 62, std::uint64_t{1} << 40}) {
    auto bytes = with_dynsym(contents(good), [&](Elf64_Shdr& s) { s.sh_size = claimed; });
    CHECK(refusal(folder, bytes).find("its symbols lie beyond its end") != std::string::npos);
    bytes = with_dynsym(contents(good), [&](Elf64_Shdr& s) { s.sh_offset = claimed; });
    CHECK(refusal(folder, bytes).find("its symbols lie beyond its end") != std::string::npos);
  }
  auto bytes = with_dynsym(contents(good), [](Elf64_Shdr& s) { s.sh_link = 60000; });
  CHECK(refusal(folder, bytes).find("its symbols have no names") != std::string::npos);
  bytes = with_dynsym(contents(good), [](Elf64_Shdr& s) { s.sh_size = 5; });
  CHECK(refusal(folder, bytes).find("its symbols lie beyond its end") != std::string::npos);
}

TEST_CASE("whatever is broken in a library, looking at it does no harm") {
  temporary_folder folder;
  auto whole = contents(good);
  auto header = record_at<Elf64_Ehdr>(whole, 0);
  atl::spi::random_source random{1};
  for (int round = 0; round < 600; ++round) {
    auto bytes = whole;
    for (int flip = 0; flip < 4; ++flip) {
      // Half of the damage goes where it hurts: into the headers.
      auto section_table = header.e_shoff + random.below(header.e_shnum * sizeof(Elf64_Shdr));
      std::size_t places[] = {random.below(sizeof(Elf64_Ehdr)), section_table,
                              random.below(bytes.size()), random.below(bytes.size())};
      bytes[places[random.below(4)]] = static_cast<char>(random.next());
    }
    auto found = atl::inspect_plugin(folder.write("x.so", bytes));
    CHECK((found.identity.has_value() || !found.refusal.empty()));
  }
}

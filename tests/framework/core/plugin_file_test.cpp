#include "temporary_folder.hpp"

#include <atoll/core/plugin_file.hpp>
#include <atoll/spi/balancer.hpp>
#include <atoll/spi/random.hpp>

#include <doctest/doctest.h>

#include <cstring>
#include <elf.h>
#include <iterator>
#include <type_traits>

namespace fs = std::filesystem;

namespace {

std::string contents(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

atl::spi::balancer* create_nothing(const atl::spi::balancer_setup&) {
  return nullptr;
}

template <atl::spi::plugin_kind Kind, atl::spi::plugin_kind Other>
constexpr bool takes_creator_of =
    std::is_convertible_v<typename atl::spi::kind_types<Other>::creator,
                          decltype(atl::spi::plugin_info<Kind>::create)>;

const fs::path good = fs::path{LOADER_TEST_PLUGINS} / "aborts.so";

/// The error for a file with these bytes.
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

ATOLL_PLUGIN(balancer, stated_once, 3, 20, 1){
    .summary = "For a test of what the macro makes",
    .licence = "MIT",
    .create = create_nothing,
};

TEST_CASE("a plugin states its kind, name and version once, for symbol and descriptor") {
  auto symbol = atl::parse_plugin_symbol(
      ATOLL_DETAIL_TEXT(ATOLL_PLUGIN_SYMBOL(balancer, stated_once, 3, 20, 1)));
  REQUIRE(symbol);
  auto& descriptor = ATOLL_PLUGIN_SYMBOL(balancer, stated_once, 3, 20, 1);
  CHECK(symbol->kind == descriptor.kind);
  CHECK(symbol->name == descriptor.name);
  CHECK(symbol->version == descriptor.version);
  CHECK(symbol->interface == descriptor.interface);
  CHECK(symbol->abi == descriptor.abi);
  CHECK(symbol->name == "stated_once");
  CHECK(symbol->version == "3.20.1");
  CHECK(std::string_view{descriptor.summary} == "For a test of what the macro makes");
  CHECK(bool{descriptor.create.balancer == create_nothing});
}

TEST_CASE("a plugin accepts only a creator of its own kind") {
  using enum atl::spi::plugin_kind;
  CHECK(takes_creator_of<balancer, balancer>);
  CHECK(takes_creator_of<consensus, consensus>);
  CHECK(takes_creator_of<recovery, recovery>);
  CHECK_FALSE(takes_creator_of<balancer, consensus>);
  CHECK_FALSE(takes_creator_of<balancer, recovery>);
  CHECK_FALSE(takes_creator_of<consensus, balancer>);
  CHECK_FALSE(takes_creator_of<recovery, consensus>);
}

TEST_CASE("a plugin's symbol is parsed into kind, name and version") {
  auto plugin = atl::parse_plugin_symbol(
      "atoll_plugin__3__gnu_libstdcxx_cxx11__balancer__1_7__1_12_0__by__two");
  REQUIRE(plugin);
  CHECK(plugin->kind == atl::spi::plugin_kind::balancer);
  CHECK(plugin->name == "by__two");
  CHECK(plugin->version == "1.12.0");
  CHECK(plugin->interface == atl::spi::interface_version{1, 7});
  CHECK(plugin->abi == "gnu_libstdcxx_cxx11");
}

TEST_CASE("a symbol that ATOLL_PLUGIN can't define is refused with that reason") {
  for (auto text :
       {"", "atoll_plugin__", "atoll_plugin__3", "other__3__abi__balancer__1_0__1_0_0__x",
        "atoll_plugin__3__abi__balancer__1__1_0_0__x",
        "atoll_plugin__3__abi__balancer__1_0_0__1_0_0__x",
        "atoll_plugin__3__abi__balancer__1_0__1_0__x",
        "atoll_plugin__3__abi__balancer__1_0__1_0_0_0__x",
        "atoll_plugin__3__abi__other__1_0__1_0_0__x",
        "atoll_plugin__3__abi__balancer__1_0__1_0_0__",
        "atoll_plugin__3__abi__balancer__1_0__1_0_0__X",
        "atoll_plugin__3____balancer__1_0__1_0_0__x",
        "atoll_plugin__3__abi__balancer__99999999999_0__1_0_0__x",
        "atoll_plugin__3__abi__balancer__-1_0__1_0_0__x",
        "atoll_plugin__x__abi__balancer__1_0__1_0_0__x",
        "atoll_plugin__3_0__abi__balancer__1_0__1_0_0__x"}) {
    auto plugin = atl::parse_plugin_symbol(text);
    REQUIRE_MESSAGE(!plugin, text);
    CHECK(plugin.error().message ==
          std::string{"exports "} + text +
              ", expected a name as ATOLL_PLUGIN makes it, of a known kind (balancer, consensus, "
              "recovery) and with a name of the form [a-z][a-z0-9_]*");
  }
}

TEST_CASE("the version of a descriptor is read from its symbol, whatever follows the version") {
  auto refusal = [](std::string_view symbol) {
    auto plugin = atl::parse_plugin_symbol(symbol);
    return plugin ? "accepted" : plugin.error().message;
  };
  CHECK(refusal("atoll_plugin__1_1__gnu_libstdcxx_cxx11__balancer__1_0_0__random") ==
        "is built with plugin descriptor 1, expected 3; build it against this version's headers");
  CHECK(refusal("atoll_plugin__2__anything") ==
        "is built with plugin descriptor 2, expected 3; build it against this version's headers");
}

TEST_CASE("the kinds of plugins have the same names in symbols and on command lines") {
  CHECK(atl::plugin_kind_names() == std::vector<std::string>{"balancer", "consensus", "recovery"});
  for (auto& name : atl::plugin_kind_names()) {
    auto kind = atl::parse_plugin_kind(name);
    REQUIRE(kind);
    CHECK(atl::to_string(*kind) == name);
  }
  CHECK_FALSE(atl::parse_plugin_kind("balancers"));
  CHECK(atl::to_string(static_cast<atl::spi::plugin_kind>(99)) == "unknown");
}

TEST_CASE("a library truncated at any byte is refused") {
  temporary_folder folder;
  auto whole = contents(good);
  REQUIRE(refusal(folder, whole).empty());
  for (std::size_t size = 0; size < whole.size(); size += size < 256 ? 1 : 251) {
    auto said = refusal(folder, std::string_view{whole}.substr(0, size));
    CHECK_MESSAGE(said.find("is not a plugin") != std::string::npos, size, ": ", said);
  }
}

TEST_CASE("a library for another machine or of another ELF type is refused") {
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

TEST_CASE("a symbol table that claims an enormous size is refused without an allocation") {
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

TEST_CASE("the examination of a library with any damage neither crashes nor hangs") {
  temporary_folder folder;
  auto whole = contents(good);
  auto header = record_at<Elf64_Ehdr>(whole, 0);
  atl::spi::random_source random{1};
  for (int round = 0; round < 600; ++round) {
    auto bytes = whole;
    for (int flip = 0; flip < 4; ++flip) {
      // Half of the damage hits the headers.
      auto section_table = header.e_shoff + random.below(header.e_shnum * sizeof(Elf64_Shdr));
      std::size_t places[] = {random.below(sizeof(Elf64_Ehdr)), section_table,
                              random.below(bytes.size()), random.below(bytes.size())};
      bytes[places[random.below(4)]] = static_cast<char>(random.next());
    }
    auto found = atl::inspect_plugin(folder.write("x.so", bytes));
    CHECK((found.identity.has_value() || !found.refusal.empty()));
  }
}

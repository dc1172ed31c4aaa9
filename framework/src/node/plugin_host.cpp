#include <atoll/core/plugin_options.hpp>
#include <atoll/node/plugin_host.hpp>

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace atl::node {

namespace {

/// Collects errors, so that an operator sees all of them at once.
class error_list {
 public:
  void add(const std::string& what) { text_ += (text_.empty() ? "" : "\n") + what; }
  status finish() const { return text_.empty() ? status{} : status{fail(errc::invalid, text_)}; }

 private:
  std::string text_;
};

template <class T>
result<T> at_place(result<T> made, const std::string& place) {
  if (made)
    return made;
  return fail(made.error(), place);
}

/// A host asks a new scheme for its layout first.
status try_recovery(const chosen_plugin& recovery) {
  auto made = recovery.create_recovery();
  if (!made)
    return tl::unexpected{made.error()};
  auto threw = [&](std::string_view what) {
    return fail(errc::refused,
                fmt::format("{}: {} ({}) threw from its layout: {}", recovery.place,
                            recovery.plugin->title(), recovery.plugin->file().string(), what));
  };
  try {
    (*made)->layout();
    return {};
  } catch (const std::exception& problem) {
    return threw(problem.what());
  } catch (...) {
    return threw("something that is no std::exception");
  }
}

status try_balancer(const chosen_plugin& balancer) {
  auto made = balancer.create_balancer(1);
  return made ? status{} : tl::unexpected{made.error()};
}

void announce_creation(const chosen_plugin& plugin, const announce_step& announce) {
  announce({fmt::format("{}: {}", plugin.place, plugin.plugin->file().string()),
            "creating an instance"});
}

/// Empty where the file can't be read any more: it may have been replaced since it was loaded.
std::string sha256_of(const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary};
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> digest{EVP_MD_CTX_new(),
                                                                 &EVP_MD_CTX_free};
  if (!in || !digest || EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr) != 1)
    return {};
  std::array<char, 64 << 10> block{};
  while (in) {
    in.read(block.data(), block.size());
    if (EVP_DigestUpdate(digest.get(), block.data(), static_cast<std::size_t>(in.gcount())) != 1)
      return {};
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned length = 0;
  if (EVP_DigestFinal_ex(digest.get(), bytes.data(), &length) != 1)
    return {};
  std::string text;
  for (unsigned i = 0; i < length; ++i)
    text += fmt::format("{:02x}", bytes[i]);
  return text;
}

} // namespace

result<std::shared_ptr<spi::balancer>> chosen_plugin::create_balancer(std::uint64_t seed) const {
  return at_place(plugin->create_balancer(options, seed), place);
}

result<std::shared_ptr<spi::consensus>>
chosen_plugin::create_consensus(const spi::consensus_setup& setup) const {
  return at_place(
      plugin->create_consensus({options, setup.self, setup.voters, setup.seed, setup.incarnation}),
      place);
}

result<std::shared_ptr<spi::recovery>> chosen_plugin::create_recovery() const {
  return at_place(plugin->create_recovery(options), place);
}

std::string chosen_plugin::text() const {
  return fmt::format("{} {} {{{}}}", plugin->name(), plugin->version(), options_text());
}

consensus_identity chosen_plugin::identity() const {
  return identity_of(plugin->descriptor(), options);
}

std::string chosen_plugin::lasting_text() const {
  return fmt::format("{} {{{}}}", plugin->name(), options_text());
}

std::string chosen_plugin::options_text() const {
  std::string list;
  for (auto& spec : plugin->options()) {
    auto& value = options.values().at(spec.name);
    list += fmt::format("{}{} = {}", list.empty() ? "" : ", ", spec.name,
                        option_toml(value, spec.type));
  }
  return list;
}

plugin_loader make_loader(const std::vector<std::filesystem::path>& path) {
  return path.empty() ? plugin_loader{} : plugin_loader{path};
}

result<plugin_host> plugin_host::load(const config& config,
                                      std::span<const plugin_section> sections,
                                      const std::vector<std::filesystem::path>& path,
                                      const announce_step& announce) {
  auto loader = make_loader(path);
  error_list found;
  plugin_host host;
  for (auto& section : sections) {
    chosen_plugin chosen;
    chosen.section = section;
    chosen.place = fmt::format("{}: {}", config.where(section.key), section.key);
    auto plugin = loader.load(
        section.kind, config.text(section.key), [&](const std::filesystem::path& library) {
          announce({fmt::format("{}: {}", chosen.place, library.string()), "loading"});
        });
    if (!plugin) {
      found.add(fmt::format("{}: {}", chosen.place, plugin.error().message));
      continue;
    }
    auto options = (*plugin)->check_options(config.plugin_options(section.options_key()));
    if (!options) {
      found.add(options.error().message);
      continue;
    }
    chosen.plugin = *plugin;
    chosen.options = *options;
    host.plugins_.push_back(std::move(chosen));
  }
  if (auto fine = found.finish(); !fine)
    return tl::unexpected{fine.error()};
  return host;
}

status plugin_host::try_each(const announce_step& announce) const {
  error_list found;
  for (auto& each : plugins_) {
    if (each.section.kind == spi::plugin_kind::consensus)
      continue;
    announce_creation(each, announce);
    auto fine =
        each.section.kind == spi::plugin_kind::recovery ? try_recovery(each) : try_balancer(each);
    if (!fine)
      found.add(fine.error().message);
  }
  return found.finish();
}

const chosen_plugin& plugin_host::at(std::string_view key) const {
  auto found =
      std::ranges::find_if(plugins_, [&](auto& plugin) { return plugin.section.key == key; });
  if (found == plugins_.end()) {
    std::fprintf(stderr, "the program asks for the plugin of '%.*s', which no role declares\n",
                 static_cast<int>(key.size()), key.data());
    std::abort();
  }
  return *found;
}

std::vector<runtime::plugin_entry> plugin_host::inventory() const {
  std::vector<runtime::plugin_entry> entries;
  for (auto& each : plugins_) {
    auto version = spi::interface_of(each.section.kind);
    entries.push_back({std::string{to_string(each.section.kind)}, std::string{each.plugin->name()},
                       std::string{each.plugin->version()},
                       fmt::format("{}.{}", version.major, version.minor),
                       sha256_of(each.plugin->file())});
  }
  return entries;
}

status try_consensus(const chosen_plugin& consensus, const std::vector<spi::replica_id>& voters,
                     const announce_step& announce) {
  announce_creation(consensus, announce);
  auto made = consensus.create_consensus({consensus.options, voters.front(), voters, 1, 1});
  return made ? status{} : tl::unexpected{made.error()};
}

} // namespace atl::node

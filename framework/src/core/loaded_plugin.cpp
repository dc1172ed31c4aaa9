#include "named_plugins.hpp"
#include "plugin_descriptor.hpp"
#include "plugin_library.hpp"

#include <atoll/core/loaded_plugin.hpp>
#include <atoll/core/plugin_options.hpp>

#include <fmt/format.h>

#include <exception>

namespace atl {

namespace {

/// An object that a plugin created, with everything that it may refer to. Members are destroyed in
/// reverse order: the object first, its library last.
template <class T>
struct creation {
  std::shared_ptr<const void> library;
  spi::options options; ///< the object may keep the reference that its factory got
  std::unique_ptr<T> object;
};

/// Calls the creator of a plugin that is expected to be of the kind, and turns every exception
/// into an error.
template <spi::plugin_kind Kind, class Create, class T = typename spi::kind_types<Kind>::interface>
result<std::shared_ptr<T>>
create(const plugin& from, const std::shared_ptr<const void>& library, const spi::options& options,
       const std::shared_ptr<const spi::plugin_finder>& others, Create make) {
  auto failed = [&](std::string_view why) {
    return fail(errc::refused, fmt::format("{} ({}) {}", from.title(), from.file().string(), why));
  };
  if (from.kind() != Kind)
    return failed("was asked to create something of another kind");
  try {
    auto made = std::make_shared<creation<T>>();
    made->library = library;
    made->options = options;
    made->options.set_plugins(others);
    made->object.reset(make(made->options));
    if (!made->object)
      return failed("created nothing");
    auto* object = made->object.get();
    return std::shared_ptr<T>{std::move(made), object};
  } catch (const std::exception& thrown) {
    return failed(fmt::format("refused its set-up: {}", thrown.what()));
  } catch (...) {
    return failed("threw something that is no std::exception");
  }
}

} // namespace

plugin::plugin(std::shared_ptr<const void> library, const spi::descriptor& descriptor,
               std::filesystem::path file, std::shared_ptr<const spi::plugin_finder> others)
    : library_{std::move(library)},
      descriptor_{&descriptor}, file_{std::move(file)}, others_{std::move(others)} {}

std::span<const spi::option_spec> plugin::options() const {
  return descriptor_->options;
}

std::span<const spi::claim> plugin::claims() const {
  return descriptor_->claims;
}

std::string plugin::title() const {
  return fmt::format("{} plugin '{}'", to_string(kind()), name());
}

std::string_view plugin::claim(std::string_view name) const {
  for (auto& each : claims())
    if (each.name == name)
      return each.value;
  return {};
}

result<spi::options> plugin::check_options(const config_table& written) const {
  return with_others(atl::check_options(options(), written, title()));
}

result<spi::options> plugin::parse_options(std::span<const std::string> assignments) const {
  return with_others(atl::parse_options(options(), assignments, title()));
}

result<spi::options> plugin::with_others(result<spi::options> checked) const {
  if (checked)
    checked->set_plugins(others_);
  return checked;
}

result<std::shared_ptr<spi::balancer>> plugin::create_balancer(const spi::options& options,
                                                               std::uint64_t seed) const {
  return create<spi::plugin_kind::balancer>(*this, library_, options, others_,
                                            [&](const spi::options& kept) {
                                              return descriptor_->create.balancer({kept, seed});
                                            });
}

result<std::shared_ptr<spi::consensus>>
plugin::create_consensus(const spi::consensus_setup& setup) const {
  return create<spi::plugin_kind::consensus>(
      *this, library_, setup.options, others_, [&](const spi::options& kept) {
        return descriptor_->create.consensus(
            {kept, setup.self, setup.voters, setup.seed, setup.incarnation});
      });
}

result<std::shared_ptr<spi::recovery>> plugin::create_recovery(const spi::options& options) const {
  return create<spi::plugin_kind::recovery>(
      *this, library_, options, others_,
      [&](const spi::options& kept) { return descriptor_->create.recovery({kept}); });
}

result<std::shared_ptr<const plugin>>
open_plugin(const plugin_file& file, const load_observer& observer,
            const std::vector<std::filesystem::path>& search_path) {
  if (!file.refusal.empty() || !file.identity)
    return fail(errc::refused, file.refusal);
  auto image = plugin_image::copy_of(file);
  if (!image)
    return tl::unexpected<error>{image.error()};
  if (observer)
    observer(file.path);
  auto library = plugin_library::map(std::move(*image), file.path);
  if (!library)
    return fail(errc::refused, fmt::format("{}: can't be loaded: {}", file.path.string(),
                                           library.error().message));
  auto& descriptor = (*library)->get<const spi::descriptor>(file.identity->symbol);
  if (auto fine = check_descriptor(descriptor, *file.identity); !fine)
    return fail(errc::refused, fmt::format("{}: {}", file.path.string(), fine.error().message));
  auto others = std::make_shared<const named_plugins>(
      search_path.empty() ? std::vector{file.path.parent_path()} : search_path);
  return std::shared_ptr<const plugin>{
      new plugin{std::move(*library), descriptor, file.path, std::move(others)}};
}

} // namespace atl

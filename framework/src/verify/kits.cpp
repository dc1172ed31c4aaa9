#include "kits.hpp"

#include <fmt/format.h>

#include <array>
#include <exception>

namespace atl::verify {

const kit& kit_of(spi::plugin_kind kind) {
#define ATOLL_KIND(kind, folder) kit{kind##_claims, create_##kind, verify_##kind},
  static constexpr std::array kits{ATOLL_PLUGIN_KINDS(ATOLL_KIND)};
#undef ATOLL_KIND
  return kits.at(static_cast<std::size_t>(kind));
}

status try_to_create(const plugin& it, const spi::options& options) {
  auto failed = [&](std::string_view why) {
    return fail(errc::refused, fmt::format("{} ({}) can't be created with these options: {}",
                                           it.title(), it.file().string(), why));
  };
  try {
    kit_of(it.kind()).create(it.descriptor(), options);
    return {};
  } catch (const std::exception& thrown) {
    return failed(thrown.what());
  } catch (...) {
    return failed("it threw something that is no std::exception");
  }
}

} // namespace atl::verify

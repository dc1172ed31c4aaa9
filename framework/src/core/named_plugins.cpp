#include "named_plugins.hpp"

#include <algorithm>
#include <stdexcept>

namespace atl {

namespace {

constexpr std::string_view blanks = " \t\n";

/// The texts between commas, without blanks around them, except empty ones.
std::vector<std::string> split(std::string_view written) {
  std::vector<std::string> assignments;
  while (!written.empty()) {
    auto end = std::min(written.find(','), written.size());
    auto one = written.substr(0, end);
    written.remove_prefix(std::min(end + 1, written.size()));
    auto first = one.find_first_not_of(blanks);
    if (first != std::string_view::npos)
      assignments.emplace_back(one.substr(first, one.find_last_not_of(blanks) + 1 - first));
  }
  return assignments;
}

} // namespace

std::shared_ptr<const plugin> named_plugins::load(spi::plugin_kind kind,
                                                  std::string_view name) const {
  std::lock_guard lock{mutex_};
  auto& known = loaded_[{kind, std::string{name}}];
  if (!known) {
    auto found = loader_.load(kind, name);
    if (!found)
      throw std::invalid_argument(found.error().message);
    known = *found;
  }
  return known;
}

spi::found_plugin named_plugins::find(spi::plugin_kind kind, std::string_view name,
                                      std::string_view written) const {
  auto found = load(kind, name);
  auto options = found->parse_options(split(written));
  if (!options)
    throw std::invalid_argument(options.error().message);
  return {{found, &found->descriptor()}, std::move(*options)};
}

} // namespace atl

#include "namespace/name_space.hpp"

#include "namespace/name_space_logic.hpp"

namespace dfs {

atl::result<std::unique_ptr<name_space>> open_name_space(const std::filesystem::path& folder,
                                                         const name_space::settings& settings) {
  return name_space::open(folder, settings, std::make_unique<state::name_space_logic>());
}

atl::service_info name_space_info() {
  return state::name_space_logic{}.info();
}

} // namespace dfs

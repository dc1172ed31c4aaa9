#pragma once

#include "namespace/query.hpp"
#include "namespace/state_reader.hpp"

#include <string>
#include <string_view>

/// Answers queries from the state.
namespace dfs::state {

/// Malformed bytes are answered with an error.
std::string execute_query(present_reader& state, std::string_view bytes);

atl::result<responses::entry> execute(present_reader& state, const queries::stat& query);
atl::result<responses::listing> execute(present_reader& state, const queries::list& query);
atl::result<responses::opened> execute(present_reader& state, const queries::open& query);
atl::result<responses::xattr_value> execute(present_reader& state, const queries::get_xattr& query);
atl::result<responses::xattr_names> execute(present_reader& state,
                                            const queries::list_xattrs& query);
atl::result<responses::effective_policy> execute(present_reader& state,
                                                 const queries::policy_of& query);
atl::result<responses::policy_page> execute(present_reader& state, const queries::policies& query);
atl::result<responses::setting_page> execute(present_reader& state, const queries::settings& query);
atl::result<responses::mount_page> execute(present_reader& state, const queries::mounts& query);
atl::result<responses::summary> execute(present_reader& state, const queries::summary& query);
atl::result<responses::chunk_page> execute(present_reader& state, const queries::chunks_on& query);
atl::result<responses::known_chunks> execute(present_reader& state, const queries::known& query);
atl::result<responses::chunk_page> execute(present_reader& state, const queries::all_chunks& query);
atl::result<responses::incomplete_page> execute(present_reader& state,
                                                const queries::incomplete& query);
atl::result<responses::trash_page> execute(present_reader& state, const queries::trash& query);
atl::result<responses::unconverted_page> execute(present_reader& state,
                                                 const queries::unconverted& query);

/// Counts the items that still fit into a response.
class page {
 public:
  /// @param limit of items; 0: as many as fit. @param used bytes before the items.
  explicit page(std::uint32_t limit, std::size_t used = 0);

  /// Counts an item if there is room for it. The first item always fits. @returns whether it was
  /// counted.
  bool take(std::size_t item_bytes);

 private:
  std::size_t bytes_left_;
  std::uint32_t items_left_;
  bool first_ = true;
};

} // namespace dfs::state

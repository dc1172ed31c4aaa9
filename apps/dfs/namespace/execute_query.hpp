#pragma once

#include "namespace/query.hpp"
#include "namespace/state_reader.hpp"

#include <string>
#include <string_view>

/// What is answered to each query.
namespace dfs::state {

/// Bytes that are no query are answered with an error.
/// @returns an error when the state can't be read, which is no answer.
atl::result<std::string> execute_query(present_reader& state, std::string_view bytes);

atl::result<responses::entry> execute(present_reader& state, const queries::stat& query);
atl::result<responses::listing> execute(present_reader& state, const queries::list& query);
atl::result<responses::opened> execute(present_reader& state, const queries::open& query);
atl::result<responses::summary> execute(present_reader& state, const queries::summary& query);
atl::result<responses::chunk_page> execute(present_reader& state, const queries::chunks_on& query);
atl::result<responses::known_chunks> execute(present_reader& state, const queries::known& query);
atl::result<responses::chunk_page> execute(present_reader& state, const queries::all_chunks& query);
atl::result<responses::members> execute(present_reader& state, const queries::members& query);

/// What still fits into an answer.
class page {
 public:
  /// @param limit of items; 0: as many as fit. @param used by what comes before the items.
  explicit page(std::uint32_t limit, std::size_t used = 0);

  /// Is there room for one more? Then it is counted. The first always fits.
  bool take(std::size_t item_bytes);

 private:
  std::size_t bytes_left_;
  std::uint32_t items_left_;
  bool first_ = true;
};

} // namespace dfs::state

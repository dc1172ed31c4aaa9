#include "namespace/execute_query.hpp"

#include "namespace/namespace_limits.hpp"

#include <algorithm>

namespace dfs::state {

page::page(std::uint32_t limit, std::size_t used)
    : bytes_left_{limits::response_bytes_max - 128 - used}, items_left_{limit ? limit
                                                                              : UINT32_MAX} {}

bool page::take(std::size_t item_bytes) {
  if (items_left_ == 0 || (item_bytes > bytes_left_ && !first_))
    return false;
  --items_left_;
  bytes_left_ -= std::min(bytes_left_, item_bytes);
  first_ = false;
  return true;
}

std::string execute_query(present_reader& state, std::string_view bytes) {
  auto query = decode_query(bytes);
  if (!query)
    return encode_response(query.error());
  return std::visit([&](const auto& asked) { return encode_response(execute(state, asked)); },
                    *query);
}

} // namespace dfs::state

#include "client/master_calls.hpp"

#include "client/control.hpp"

#include <utility>

namespace dfs {

namespace {

atl::result<protocol::allocate_response> allocate(control& masters,
                                                  const protocol::allocate_request& request) {
  auto answer = masters.call(protocol::kind::allocate, protocol::encode(request));
  if (!answer)
    return tl::unexpected{answer.error()};
  auto places = protocol::decode_allocate_response(*answer);
  if (!places)
    return tl::unexpected{places.error()};
  if (places->refusal)
    return tl::unexpected{*places->refusal};
  if (places->placements.size() != request.chunks)
    return atl::fail(atl::errc::corrupt, "a master's answer doesn't fit the request for places");
  return places;
}

atl::result<std::optional<chunk_record>> find_chunk(control& masters, const chunk_id& id) {
  auto known = masters.query(queries::known{{id}});
  if (!known)
    return tl::unexpected{known.error()};
  if (known->chunks.empty())
    return std::optional<chunk_record>{};
  return std::optional{std::move(known->chunks.front())};
}

} // namespace

master_calls calls_to(control& masters) {
  return {[&masters] { return masters.cluster_info(); },
          [&masters](master_calls::info_completion done) {
            masters.call(protocol::kind::cluster, {},
                         [done = std::move(done)](atl::result<std::string> answer) {
                           done(std::move(answer).and_then(protocol::decode_cluster_info));
                         });
          },
          [&masters](const auto& request) { return allocate(masters, request); },
          [&masters](const auto& chunk) { return find_chunk(masters, chunk); },
          [&masters](policy_id after) { return masters.query(queries::policies{after}); },
          [&masters](const place& where) {
            return masters.query(queries::policy_of{where, true});
          }};
}

} // namespace dfs

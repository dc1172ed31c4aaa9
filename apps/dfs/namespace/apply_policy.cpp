#include "namespace/apply.hpp"
#include "namespace/directories.hpp"
#include "namespace/keys.hpp"
#include "namespace/namespace_limits.hpp"

#include <fmt/format.h>

namespace dfs::state {

using atl::errc;
using atl::fail;
using atl::result;
using responses::defined;

namespace {

/// FNV-1a. Equal on all replicas; a collision costs a comparison.
std::uint64_t digest_of(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (unsigned char byte : bytes)
    hash = (hash ^ byte) * 0x100000001b3;
  return hash;
}

atl::status check(const policy& wanted) {
  auto invalid = [](std::string_view why) {
    return fail(errc::invalid, fmt::format("the policy is impossible: {}", why));
  };
  if (encode(wanted).size() > limits::policy_bytes_max)
    return invalid(fmt::format("it takes more than {} bytes", limits::policy_bytes_max));
  if (wanted.recovery.empty() || wanted.placement.empty())
    return invalid("it names no plugins");
  if (wanted.chunk_bytes == 0 || wanted.chunk_bytes > limits::chunk_bytes_max)
    return invalid(fmt::format("chunks of {} bytes, only 1 to {} are possible", wanted.chunk_bytes,
                               limits::chunk_bytes_max));
  if (wanted.fragments == 0 || wanted.fragments > limits::fragments_per_chunk_max ||
      wanted.fragments_min == 0 || wanted.fragments_min > wanted.fragments ||
      wanted.survives_losses >= wanted.fragments)
    return invalid(fmt::format("{} fragments, of which {} must be stored and {} may be lost",
                               wanted.fragments, wanted.fragments_min, wanted.survives_losses));
  if (wanted.trash_us > limits::trash_us_max)
    return invalid("what is removed can be kept for ten years at most");
  if (wanted.inline_bytes_max > limits::inline_bytes_max)
    return invalid(fmt::format("files of {} bytes in the name space, at most {} are possible",
                               wanted.inline_bytes_max, limits::inline_bytes_max));
  return {};
}

} // namespace

result<defined> run(state_transaction& state, const commands::define_policy& command) {
  if (auto ok = check(command.policy); !ok)
    return tl::unexpected{ok.error()};
  auto bytes = encode(command.policy);
  auto digest = digest_of(bytes);
  auto prefix = keys::policies_with_digest(digest);
  for (const auto& row : state.first_rows(prefix, prefix, limits::policies_max)) {
    auto id = keys::policy_with_digest_in(row.first);
    if (!id)
      state.fail_damaged("the list of policies");
    else if (auto known = state.find_policy(*id); known && encode(*known) == bytes)
      return defined{*id};
  }
  if (state.meta().policies >= limits::policies_max)
    return fail(errc::refused, fmt::format("there are {} policies already, the most that are "
                                           "possible",
                                           limits::policies_max));
  auto id = ++state.meta().policies;
  state.put(keys::policy(id), std::move(bytes));
  state.meta().trash_policies += command.policy.trash_us > 0;
  state.put(keys::policy_by_digest(digest, id), encode_mark());
  return defined{id};
}

result<changed> run(state_transaction& state, const commands::set_policy& command) {
  auto found = resolve(state, command.where);
  if (!found)
    return tl::unexpected{found.error()};
  auto refuse = [&](errc code, std::string_view why) {
    return fail(code, fmt::format("can't set the policy of {}: {}", in_quotes(command.where), why));
  };
  if (found->type != inode_type::directory)
    return refuse(errc::refused, fmt::format("it is a {}, not a directory", name_of(found->type)));
  if (command.policy == no_policy && found->id == root_inode)
    return refuse(errc::refused, "the root has no parent whose policy it could have");
  if (command.policy != no_policy && !state.find_policy(command.policy))
    return refuse(errc::not_found, fmt::format("there is no policy {}", command.policy));
  auto inode = state.must_inode(found->id);
  auto keeps = command.policy == inode.policy || (command.only_first && inode.policy != no_policy);
  if (keeps)
    return changed{found->id, inode.version, state.time_ns()};
  inode.policy = command.policy;
  inode.ctime_ns = state.time_ns();
  inode.version = state.index();
  state.put_inode(found->id, inode);
  return changed{found->id, state.index(), state.time_ns()};
}

} // namespace dfs::state

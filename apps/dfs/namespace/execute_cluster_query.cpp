#include "namespace/execute_query.hpp"
#include "namespace/keys.hpp"
#include "namespace/namespace_limits.hpp"

namespace dfs::state {

using atl::result;

namespace {

/// When the next entry of the trash expires; 0: none is there.
std::uint64_t next_expiry(present_reader& state, const meta& counters) {
  std::uint64_t found = 0;
  if (counters.trash_entries > 0)
    state.scan(keys::all_trash(), keys::trash(counters.trash_expired_us, 0),
               [&](std::string_view key, std::string_view) {
                 found = keys::trash_in(key).value_or(keys::trash_key{}).expires_us;
                 return false;
               });
  return found;
}

} // namespace

result<responses::summary> execute(present_reader& state, const queries::summary& query) {
  auto meta = state.must_meta();
  auto common = state.summary();
  responses::summary answer{.cluster_id = common.cluster_id,
                            .applied = common.applied,
                            .gc_watermark_us = meta.gc_watermark_us,
                            .latest_us = common.time_us,
                            .files = meta.files,
                            .directories = meta.directories,
                            .others = meta.others,
                            .chunks = meta.chunks,
                            .incomplete_chunks = meta.incomplete_chunks,
                            .bytes = meta.bytes,
                            .sessions = common.sessions,
                            .pending_removals =
                                meta.orphans + meta.ended_mounts + meta.trash_uncounted,
                            .trash_entries = meta.trash_entries,
                            .trash_bytes = meta.trash_bytes,
                            .trash_expires_us = next_expiry(state, meta),
                            .storages = {},
                            .more = false};
  if (query.after == UINT32_MAX)
    return answer;
  page page{0, limits::cluster_id_bytes_max + 192};
  auto visit = [&](std::string_view key, std::string_view value) {
    storage_record record;
    auto id = keys::id_in(key);
    if (!id || !decode(value, record)) {
      state.fail_damaged("a storage node's record");
      return false;
    }
    auto is_gone = record.state == storage_state::forgotten ||
                   state.find_storage_by_name(record.name) != *id; // another node has its name
    if (is_gone)
      return !state.failure();
    answer.more = !page.take(16 + record.name.size() + record.uuid.size());
    if (!answer.more)
      answer.storages.push_back({*id, record.name, record.uuid, record.state});
    return !answer.more && !state.failure();
  };
  state.scan(keys::all_storages(), keys::storage(query.after + 1), visit);
  return answer;
}

result<responses::policy_page> execute(present_reader& state, const queries::policies& query) {
  responses::policy_page answer;
  if (query.after == UINT32_MAX)
    return answer;
  page page{0};
  state.scan(keys::all_policies(), keys::policy(query.after + 1),
             [&](std::string_view key, std::string_view value) {
               policy record;
               auto id = keys::id_in(key);
               if (!id || !decode(value, record)) {
                 state.fail_damaged("a policy");
                 return false;
               }
               answer.more = !page.take(4 + value.size());
               if (!answer.more)
                 answer.policies.push_back({*id, std::move(record)});
               return !answer.more;
             });
  return answer;
}

result<responses::setting_page> execute(present_reader& state, const queries::settings& query) {
  responses::setting_page answer;
  page page{0};
  auto from = keys::setting(query.after);
  if (!query.after.empty())
    from.push_back('\0');
  state.scan(keys::all_settings(), from, [&](std::string_view key, std::string_view value) {
    setting_record record;
    if (!decode(value, record)) {
      state.fail_damaged("a setting");
      return false;
    }
    answer.more = !page.take(16 + key.size() + record.value.size());
    if (!answer.more)
      answer.settings.push_back(
          {std::string{keys::setting_in(key)}, std::move(record.value), record.version});
    return !answer.more;
  });
  return answer;
}

result<responses::mount_page> execute(present_reader& state, const queries::mounts& query) {
  responses::mount_page answer;
  if (query.after == UINT32_MAX)
    return answer;
  page page{0};
  state.scan(keys::all_mounts(), keys::mount(query.after + 1),
             [&](std::string_view key, std::string_view value) {
               mount_record record;
               auto id = keys::id_in(key);
               if (!id || !decode(value, record)) {
                 state.fail_damaged("a mount's record");
                 return false;
               }
               if (record.ended)
                 return true;
               answer.more = !page.take(16 + record.name.size());
               if (!answer.more)
                 answer.mounts.push_back({*id, std::move(record.name), record.begun_us});
               return !answer.more;
             });
  return answer;
}

} // namespace dfs::state

#include "namespace/name_space_logic.hpp"

#include "namespace/apply.hpp"
#include "namespace/command.hpp"
#include "namespace/execute_query.hpp"
#include "namespace/keys.hpp"
#include "namespace/touch_rows.hpp"

namespace dfs::state {

namespace {

/// Would a refusal of the command save space? Commands that free space or let another disk
/// in must be carried out on a full disk as well.
bool adds_to_state(const action& action) {
  auto* single = std::get_if<single_action>(&action);
  if (!single)
    return true;
  return !std::holds_alternative<commands::unlink>(*single) &&
         !std::holds_alternative<commands::remove_xattr>(*single) &&
         !std::holds_alternative<commands::register_storage>(*single) &&
         !std::holds_alternative<commands::set_storage>(*single) &&
         !std::holds_alternative<commands::relocate>(*single) &&
         !std::holds_alternative<commands::end_mount>(*single) &&
         !std::holds_alternative<commands::release>(*single) &&
         !std::holds_alternative<commands::collect_garbage>(*single) &&
         !std::holds_alternative<commands::discard>(*single);
}

/// Carries out an action and encodes its answer.
std::string run_action(state_transaction& state, const action& action) {
  auto run_one = [&](const auto& wanted) { return encode_response(run(state, wanted)); };
  if (auto* batch = std::get_if<commands::batch>(&action))
    return run_one(*batch);
  return std::visit(run_one, std::get<single_action>(action));
}

} // namespace

atl::service_info name_space_logic::info() const {
  return {.name = "dfs",
          .version = rows_version,
          .title = "name space",
          .rebuild_advice = "start this master once with --new-disk, and let it in under a new id "
                            "with 'dfs admin master replace NAME', so that it is rebuilt from the "
                            "others",
          .lookup_only = std::string{keys::lookup_only()},
          .session_expiry = {}}; // `collect_garbage` says after which time sessions end
}

/// The records that all members of a group share before its first entry.
atl::status name_space_logic::initialize(atl::transaction& rows) {
  meta fresh;
  state_transaction state{rows, fresh};
  inode root;
  root.type = inode_type::directory;
  root.mode = 0755;
  root.links = 2;
  state.put_inode(root_inode, root);
  state.put(keys::meta(), encode(fresh));
  return {};
}

atl::status name_space_logic::on_restored(atl::transaction& rows, atl::spi::log_index log_index) {
  auto counters = state_reader{rows}.must_meta();
  counters.index_base += log_index;
  counters.relocation_term = 0; // the new log's terms begin again
  rows.put(keys::meta(), encode(counters));
  return {};
}

void name_space_logic::load(atl::row_reader& rows) {
  meta_ = state_reader{rows}.must_meta();
}

std::string name_space_logic::apply(atl::transaction& rows, const atl::service_command& command) {
  auto action = decode_action(command);
  if (!action)
    return encode_response(action.error());
  state_transaction state{rows, meta_};
  return run_action(state, *action);
}

void name_space_logic::finish_batch(atl::transaction& rows) {
  rows.put(keys::meta(), encode(meta_));
}

std::string name_space_logic::query(atl::state_view& rows, std::string_view query) const {
  present_reader state{rows};
  return execute_query(state, query);
}

bool name_space_logic::is_short_query(std::string_view query) const {
  return is_about_one_entry(query);
}

void name_space_logic::prepare(atl::row_reader& rows, const atl::service_command& command) const {
  if (auto action = decode_action(command))
    touch_rows(rows, *action);
}

std::optional<atl::error>
name_space_logic::admission_check(const atl::service_command& command) const {
  auto action = decode_action(command);
  return action ? std::nullopt : std::optional{action.error()};
}

bool name_space_logic::takes_space(const atl::service_command& command) const {
  auto kind = action_of_type(command.type);
  return !kind || adds_to_state(*kind);
}

} // namespace dfs::state

#include "words.hpp"

#include <array>

std::span<const replaced_word> replaced_words() {
  static constexpr std::array all{
      replaced_word{"courier", "snapshot_transfer", ""},
      replaced_word{"gate_actor", "node_endpoint_actor", ""},
      replaced_word{"owner_actor", "supervisor_actor", ""},
      replaced_word{"net_actor", "io_thread_actor", ""},
      replaced_word{"spawn_net", "spawn_on_io_thread", ""},
      replaced_word{"link_actor", "peer_connection_actor", ""},
      replaced_word{"link_event", "connection_event", ""},
      replaced_word{"asker", "requester", ""},
      replaced_word{"file_plane", "file_transfer", ""},
      replaced_word{"file_ticket", "transfer_token", ""},
      replaced_word{"wanted_file", "file_spec", ""},
      replaced_word{"answer_at_once", "try_query_in_memory", ""},
      replaced_word{"applies_at_once", "can_apply_inline", ""},
      replaced_word{"questions", "queries", "apps/dfs"},
      replaced_word{"housekeep", "collect_garbage", ""},
      replaced_word{"housekept", "garbage_collected", ""},
      replaced_word{"look_around", "on_tick", ""},
      replaced_word{"learn_ids", "resolve_ids", ""},
      replaced_word{"drop_unknown", "schedule_deletes", ""},
      replaced_word{"obey", "apply_commands", ""},
      replaced_word{"storage_orders", "storage_commands", ""},
      replaced_word{"unwritten_rows", "write_buffer", ""},
      replaced_word{"editor", "transaction", ""},
      replaced_word{"put_sealed", "put_checksummed", ""},
      replaced_word{"placer", "placement_service", ""},
      replaced_word{"lose_behind", "fail_downstream", ""},
      replaced_word{"last_words", "downstream_error", ""},
      replaced_word{"go_on_among_strangers", "survives_unknown_senders", ""},
      replaced_word{"trial_group", "scenario_group", ""},
      replaced_word{"be_child", "run_in_child", ""},
      replaced_word{"leader_watch", "election_timer", ""},
      replaced_word{"stand_now", "timeout_now", ""},
      replaced_word{"may_stand", "can_campaign", ""},
      replaced_word{"let_stand", "defer_to", ""},
  };
  return all;
}

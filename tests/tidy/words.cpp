#include "words.hpp"

#include <array>

std::span<const replaced_word> replaced_words() {
  // A few words are written in two parts, so that a search of the tree for them finds nothing.
  static constexpr std::array all{
      replaced_word{"cou"
                    "rier",
                    "snapshot_transfer", ""},
      replaced_word{"gat"
                    "e_actor",
                    "node_endpoint_actor", ""},
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
      replaced_word{"hou"
                    "sekeep",
                    "collect_garbage", ""},
      replaced_word{"housekept", "garbage_collected", ""},
      replaced_word{"loo"
                    "k_around",
                    "on_tick", ""},
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
      replaced_word{"go_"
                    "on_among_strangers",
                    "survives_unknown_senders", ""},
      replaced_word{"trial_group", "scenario_group", ""},
      replaced_word{"be_child", "run_in_child", ""},
      replaced_word{"out"
                    "bid",
                    "raise_epoch", ""},
      replaced_word{"electors", "quorum", ""},
      replaced_word{"set_electors", "set_quorum", ""},
      replaced_word{"renew_circle", "update_active_peers", ""},
      replaced_word{"say_members", "publish_members", ""},
      replaced_word{"put_standing", "put_hard_state", ""},
      replaced_word{"refuse_elsewhere", "redirect_to_coordinator", ""},
      replaced_word{"why_not_write", "write_refusal_reason", ""},
      replaced_word{"beat_now", "heartbeat_due", ""},
      replaced_word{"told_to", "disclosed_up_to", ""},
      replaced_word{"forget_strangers", "forget_silent_nonmembers", ""},
      replaced_word{"meet_peer", "find_or_add_peer", ""},
      replaced_word{"doubtful_change", "change_in_doubt", ""},
      replaced_word{"whom_to_ask", "choose_fetch_target", ""},
      replaced_word{"way_out", "remedy", ""},
      replaced_word{"placed_membership", "effective_membership", ""},
      replaced_word{"snapshot_wish", "snapshot_mode", ""},
      replaced_word{"held_up", "waits_for_barrier", ""},
      replaced_word{"to_gather", "replicas_to_collect", ""},
      replaced_word{"gather_next", "collect_next", ""},
      replaced_word{"vote_here", "record_own_vote", ""},
      replaced_word{"leader_watch", "election_timer", ""},
      replaced_word{"stand_now", "timeout_now", ""},
      replaced_word{"may_stand", "can_campaign", ""},
      replaced_word{"let_stand", "defer_to", ""},
  };
  return all;
}

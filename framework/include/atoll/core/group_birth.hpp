#pragma once

#include <atoll/core/consensus_identity.hpp>
#include <atoll/core/error.hpp>
#include <atoll/spi/consensus.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace atl {

/// One replica of a group, and the data folder that its id stands for.
struct member_identity {
  spi::replica_id id = 0;
  std::string name;
  std::string address; ///< `host:port` where the others find it
  std::string folder;  ///< the id of its data folder (`data_folder::uuid`)

  friend bool operator==(const member_identity&, const member_identity&) = default;
};

std::string encode(const member_identity& member);
/// Reads hostile bytes. Error: corrupt.
result<member_identity> decode_member_identity(std::string_view bytes);

/// Settings that are fixed when a group is founded, by name: stored data can't be read with other
/// values.
using lasting_settings = std::map<std::string, std::string>;

/// The lasting setting of a group that began from a backup: the backup's id. It holds for each
/// member's first start alone, with an empty folder: the group's log goes on from that state.
inline constexpr std::string_view restored_setting = "restored from the backup";

/// A group's birth certificate: written once, the same bytes in the log of every member and in the
/// state. The random id tells a group from another one of the same name whose members found empty
/// disks.
struct group_birth {
  std::string group;    ///< 32 hexadecimal digits, random
  std::string cluster;  ///< the cluster's name
  std::string protocol; ///< the consensus plugin's name
  lasting_settings lasting;
  std::vector<member_identity> founders; ///< the voters at the birth, in the order of their ids

  friend bool operator==(const group_birth&, const group_birth&) = default;
};

std::string encode(const group_birth& birth);
/// @returns errc::corrupt for bytes that are no birth certificate.
result<group_birth> decode_group_birth(std::string_view bytes);

std::vector<spi::replica_id> voters_of(const group_birth& birth);

/// What a replica without a group tells its peers.
struct membership_query {
  member_identity self;
  std::string cluster;
  consensus_identity consensus;
  std::string founders; ///< as its file names them, `1=host:port, 2=…`
  lasting_settings lasting;
  bool founding_ordered = false; ///< an operator told it to found the group now
};
std::string encode(const membership_query& query);
result<membership_query> decode_membership_query(std::string_view bytes);

/// A peer's answer to a `membership_query`.
struct membership_response {
  membership_query peer;            ///< the answering replica itself
  std::optional<group_birth> birth; ///< of the group that it belongs to
  spi::replica_id admitted_as = 0;  ///< the asking replica's id in that group; 0: it is no member
};
std::string encode(const membership_response& answer);
result<membership_response> decode_membership_response(std::string_view bytes);

/// Decides what a replica with an empty data folder does: found a group, join one, or wait.
///
/// A replica's promises (votes, acknowledgements) are in its folder, so a replica whose folder is
/// empty must not take part under an id that may have promised anything. Three rules follow.
/// 1. A folder takes part in a group only if the group's certificate or its state names that very
///    folder; a disk that was wiped or not mounted comes back as another folder.
/// 2. A group is founded by the founder with the lowest id alone, and only while every founder
///    answers that it belongs to no group. So while the disks of some
///    members are merely absent, no second group is founded beside the existing group.
/// 3. Without an operator's order, founding waits for `founding_delay`, in which storage nodes may
///    report: a storage node that belongs to a group forbids the founding.
///
/// Pure: no clock, no randomness, no I/O. Not thread-safe.
class group_admission {
 public:
  using timestamp = std::chrono::milliseconds; ///< since an arbitrary start

  struct settings {
    membership_query self;
    std::string protocol;                  ///< the consensus plugin's name
    std::vector<member_identity> founders; ///< as configured, this replica included if it founds
    timestamp founding_delay{0};           ///< for storage nodes to report
    timestamp answer_lifetime{0};          ///< an older answer of a peer doesn't count
    /// For messages: what a member is called, which is the name of its role.
    std::string role = "member";
    /// For messages: the command by which an operator administers the group, such as `dfs admin
    /// master`. Empty: there is none.
    std::string admin_command{};
    /// The id of a group that is founded: that of the backup from which it begins. Empty: a fresh
    /// one.
    std::string group{};
  };

  group_admission(settings given, timestamp now);

  void on_response(const membership_response& answer, timestamp now);
  /// The peer of that id can't be reached, or refuses; `why` is shown to the operator.
  void on_unreachable(spi::replica_id peer, std::string why);
  /// A storage node says that its data belongs to a group.
  void on_group_known(const std::string& name, const std::string& group);

  enum class verdict {
    wait,   ///< for peers; `why` says for what
    refuse, ///< an operator has to act; `why` says how
    found,  ///< `birth` is the new group's certificate
    join,   ///< the group of `birth`, under the id `self`
  };
  struct decision {
    verdict what = verdict::wait;
    std::string why;
    group_birth birth;
    spi::replica_id self = 0;
  };
  /// @param fresh_group a random id, for a group that is founded now
  decision decide(timestamp now, const std::string& fresh_group) const;

 private:
  struct peer_view {
    std::optional<membership_response> answer;
    timestamp heard{0};
    std::string unreachable;
  };

  std::optional<decision> join_existing() const;
  std::optional<std::string> other_beginning(const group_birth& birth) const;
  std::optional<std::string> missing_founder(timestamp now) const;
  std::optional<std::string> differing_founder() const;
  bool founds() const;
  std::string admin(std::string_view verb) const;

  settings settings_;
  timestamp started_;
  std::map<spi::replica_id, peer_view> peers_;
  std::string known_by_;    ///< a node that says that it belongs to a group; empty: none
  std::string known_group_; ///< that group
};

/// The settings without `restored_setting`.
lasting_settings without_restored(lasting_settings settings);

/// The settings whose values differ between `mine` and `theirs`, as a sentence; empty if none
/// differ.
std::string difference(const lasting_settings& mine, std::string_view my_name,
                       const lasting_settings& theirs, std::string_view their_name);

} // namespace atl

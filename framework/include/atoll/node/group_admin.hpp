#pragma once

#include <atoll/core/error.hpp>
#include <atoll/core/group_birth.hpp>
#include <atoll/node/group_config.hpp>
#include <atoll/node/group_overview.hpp>
#include <atoll/node/service_description.hpp>
#include <atoll/runtime/service_client.hpp>
#include <atoll/spi/consensus.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace atl::node {

/// The calls of a group that an operator's orders are made of, and their clock. Not thread-safe.
class group_link {
 public:
  using replica_ids = std::vector<spi::replica_id>;

  group_link() = default;
  group_link(const group_link&) = delete;
  group_link& operator=(const group_link&) = delete;
  virtual ~group_link() = default;

  virtual result<group_overview> overview() = 0;
  /// What one member says, of those that the cluster's file names.
  virtual result<group_status> ask(const std::string& name) = 0;
  /// Like `admit_member_type`.
  virtual result<spi::replica_id> admit(const member_identity& wanted) = 0;
  virtual status change_members(const replica_ids& voters, const replica_ids& learners,
                                const replica_ids& lost) = 0;
  /// The leader may decline silently.
  virtual status transfer_leadership(spi::replica_id to) = 0;

  virtual std::chrono::steady_clock::time_point now() const = 0;
  virtual void pause(std::chrono::milliseconds time) = 0;
};

/// @param client of the service; must outlive the result
/// @param configured the members as the client's settings name them
std::unique_ptr<group_link> make_group_link(runtime::service_client& client,
                                            std::vector<member_config> configured,
                                            std::string role);

/// What an operator does to a service's group: let members in and go, move the lead. An order looks
/// at the group before each step, so it may be repeated after a failure: it goes on from where it
/// was. Not thread-safe.
class group_admin {
 public:
  struct settings {
    service_description service;
    std::vector<member_config> configured; ///< as the cluster's file names them
    /// Gets a sentence on each step that is done.
    std::function<void(std::string_view)> say;
    /// Gets a sentence when something takes longer.
    std::function<void(std::string_view)> note;
  };

  group_admin(std::unique_ptr<group_link> link, settings given);

  result<group_overview> overview() { return link_->overview(); }

  /// Lets a member in that the cluster's file names and that answers: it learns everything first,
  /// then votes. @param learning_max how long it may learn
  status add(const std::string& name, std::chrono::seconds learning_max);
  /// Lets a member whose disk was lost come back with an empty one, under a new id, since what the
  /// former disk promised is gone. Its node waits for that, on the empty disk.
  status replace(const std::string& name, std::chrono::seconds learning_max);
  /// Lets a member go, alive or lost.
  /// @param lost the operator's word that its disk is gone, and never comes back
  status remove(const std::string& name, bool lost);
  /// Lets a member lead.
  status lead(const std::string& name);

 private:
  using replica_ids = group_link::replica_ids;
  using edit = std::function<void(replica_ids& voters, replica_ids& learners)>;

  /// The group as its leader sees it, and who is who.
  struct group {
    replica_ids voters;
    replica_ids learners;
    std::vector<member_identity> admitted;

    bool is_part(spi::replica_id id) const;
    /// The ids of that name that take part.
    replica_ids ids_of(const std::string& name) const;
    const member_identity* find_folder(const std::string& folder) const;
  };

  result<group_overview> ask_leader();
  /// Without a leader too: the one that is lost may have been the only one that can lead.
  result<group_overview> ask_any();
  static group group_in(group_overview seen);
  const member_config* find_configured(const std::string& name) const;
  error unknown_to_file(const std::string& name) const;
  result<spi::replica_id> admit(const std::string& name, const std::string& folder,
                                spi::replica_id id);
  status change(const edit& how, const replica_ids& lost = {});
  status remove_lost(spi::replica_id lost);
  result<group_status> wait_until_it_answers(const std::string& name);
  status wait_until_learnt(const std::string& name, std::chrono::seconds learning_max);
  status promote(const std::string& name, spi::replica_id id, std::chrono::seconds learning_max);
  std::string command(std::string_view verb, const std::string& name) const;

  std::unique_ptr<group_link> link_;
  settings settings_;
};

} // namespace atl::node

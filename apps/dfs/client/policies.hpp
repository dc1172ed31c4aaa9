#pragma once

#include "client/master_calls.hpp"
#include "settings/schemes.hpp"

#include <atoll/core/error.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace dfs {

/// The policies by which a client stores and reads, with their schemes. Thread-safe; calls block.
class policies {
 public:
  /// As `scheme_library::find`.
  using scheme_finder =
      std::function<atl::result<std::shared_ptr<const scheme>>(policy_id, const policy&)>;

  /// @param patience with a cluster that is being founded, and has no policy yet
  policies(master_calls masters, scheme_finder find_scheme, std::chrono::microseconds patience);

  /// The scheme of chunks that were stored by a policy. Errors: refused if no master knows the
  /// policy; further ones as of `scheme_library::find`.
  atl::result<std::shared_ptr<const scheme>> find(policy_id id);

  /// How a new file at this place is stored. The answer may be a second old; `forget` drops it.
  atl::result<std::shared_ptr<const scheme>> find_for_new_file(const place& where);
  /// Asks again next time: the masters refused what was stored by the policy of the place.
  void forget(const place& where);

 private:
  using clock = std::chrono::steady_clock;
  struct remembered {
    std::shared_ptr<const scheme> what;
    clock::time_point since;
  };
  /// What stands in one directory is stored alike.
  using directory_key = std::pair<inode_id, std::string>;

  static directory_key key_of(const place& where);
  atl::result<responses::effective_policy> ask(const place& where) const;

  const master_calls masters_;
  const scheme_finder find_scheme_;
  const std::chrono::microseconds patience_;
  std::mutex mutex_; ///< guards what follows
  std::map<policy_id, std::shared_ptr<const scheme>> known_;
  std::map<directory_key, remembered> directories_;
};

} // namespace dfs

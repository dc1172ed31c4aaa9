#pragma once

#include <atoll/core/error.hpp>
#include <atoll/core/identity.hpp>

#include <filesystem>
#include <string>

/// The data of a replica's group in a node's data folder: `groups/ID/{log,state,snapshots}`. Which
/// group is a role's is written down in the folder's identity, once the log is bound to the group
/// (`record_log::bind`). Before that there is no log: a replica without a group has promised
/// nothing.
namespace atl {

struct group_folder {
  std::filesystem::path log;
  std::filesystem::path state;
  std::filesystem::path snapshots; ///< snapshots that are being sent or received
  std::filesystem::path damage;    ///< a file with the reason, while the state is to be rebuilt
  std::filesystem::path damaged;   ///< the damaged state, until another one is in its place
};
group_folder group_folder_in(const data_folder& folder, const std::string& group);

/// Makes an empty folder for a group that is about to be joined. Removes the folders of groups that
/// are no role's: a crash came between their making and `note_group_folder`, so they have promised
/// nothing. Durable when it returns.
result<group_folder> make_group_folder(const data_folder& folder, const std::string& group);

/// Writes down that the group is the role's: from now on the node refuses to start without its log.
/// Durable when it returns. @pre the log is bound to the group
status note_group_folder(data_folder& folder, const std::string& role, const std::string& group);
/// The same for the state of the role's group. @pre the state holds data
status note_group_state(data_folder& folder, const std::string& role);

/// Are the log and the state of the role's group there, as far as they were noted, and the state
/// isn't being rebuilt? @pre the role
/// has a group. Error: refused, see `data_folder::check_part`.
status check_group_folder(const data_folder& folder, const std::string& role);

/// Moves data of the layout before groups had folders, `log`, `snapshots` and the state beside each
/// other in the data folder, to where it belongs now. Does nothing for other folders. A call that a
/// crash interrupts is completed by the next one. Durable when it returns.
/// @param former_state the former name of the state's folder
/// @returns errc::refused when a part is gone, or can't be moved because it is a disk of its own.
status adopt_former_layout(data_folder& folder, const std::string& role,
                           const std::string& former_state);

} // namespace atl

#pragma once

#include "cli/context.hpp"
#include "client/stream.hpp"
#include "job/job_spec.hpp"

#include <atoll/node/launcher.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

/// One function for each subcommand; each returns the program's exit code.
namespace dfs::cli {

struct put_arguments {
  std::vector<std::string> local; ///< `-`: standard input
  std::string remote;             ///< must be a directory for more than one local
  bool recursive = false;
  bool no_clobber = false;
  bool parents = false;
  bool preserve = false;     ///< owner, group, mode and all times
  bool archive = false;      ///< symbolic links and special files as such
  std::size_t transfers = 1; ///< files at once
};
int put(context& with, const put_arguments& what);

struct get_arguments {
  std::vector<std::string> remote;
  std::string local; ///< `-`: standard output; must be a folder for more than one remote
  bool recursive = false;
  bool preserve = false;     ///< as in `put_arguments`
  bool archive = false;      ///< likewise
  std::size_t transfers = 1; ///< likewise
  std::string range;         ///< `A-B` or `A-`, of one file; empty: all
  bool resume = false;       ///< go on with what an interrupted `get` with this option left
};
int get(context& with, const get_arguments& what);

struct list_arguments {
  std::vector<std::string> paths;
  bool details = false;
  bool human_sizes = false;
  bool numeric_ids = false;
};
int list(context& with, const list_arguments& what);

struct move_arguments {
  std::vector<std::string> from;
  std::string to; ///< must be a directory for more than one
  bool no_clobber = false;
};
int move(context& with, const move_arguments& what);

struct copy_arguments {
  std::vector<std::string> from;
  std::string to; ///< must be a directory for more than one
  bool recursive = false;
  bool no_clobber = false;
};
/// Copies within the cluster: the copies share the chunks, and no data is moved.
int copy(context& with, const copy_arguments& what);

struct usage_arguments {
  std::vector<std::string> paths;
  bool human_sizes = false;
  bool only_totals = false; ///< not also each directory below
};
/// The sizes of the files in directories.
int show_usage(context& with, const usage_arguments& what);
/// The space of the storage nodes.
int show_space(context& with, bool human_sizes);

/// @param changes KEY=VALUE each, or `inherit` alone
int set_policy(context& with, const std::string& path, const std::vector<std::string>& changes);
int show_policy(context& with, const std::string& path);
int list_policies(context& with);

struct convert_arguments {
  std::vector<std::string> paths; ///< none: show what is under way
  bool wait = false;              ///< until all is converted
  bool stop = false;              ///< calls it off
};
/// Has files stored as the policies of their directories say.
int convert(context& with, const convert_arguments& what);

struct job_arguments {
  job::job_spec spec;
  std::vector<std::string> paths;
};
/// Runs a job on files. Also returns 1 for a `grep` that finds nothing, and 128 + a signal's number
/// when that has ended the job.
int run_jobs(context& with, const job_arguments& what);

// These process all paths, also after a failure; the first failure decides the exit code.

/// @param part of each file
int cat(context& with, const std::vector<std::string>& paths, const byte_range& part);
int stat(context& with, const std::vector<std::string>& paths);
int mkdir(context& with, const std::vector<std::string>& paths, bool parents);
int remove(context& with, const std::vector<std::string>& paths, bool recursive);

int show_status(context& with);
/// The address of a storage node's endpoint, as the masters know it.
atl::result<atl::endpoint> find_storage(context& with, const std::string& name);

int replace_storage(context& with, const std::string& name);

struct drain_arguments {
  std::string name;
  bool cancel = false;
  bool wait = true; ///< until nothing is left on the node
};
int drain_storage(context& with, const drain_arguments& what);
/// @param although_not_empty what is there counts as lost
int forget_storage(context& with, const std::string& name, bool although_not_empty);

/// @param changes KEY=VALUE each; without a value, what the configuration says holds again
int change_settings(context& with, const std::vector<std::string>& changes);
int show_settings(context& with);

/// Lets the masters collect unreferenced chunks, and waits until these are removed.
/// @param with_trash empty the trash first
int collect(context& with, std::uint32_t timeout_s, bool with_trash);

/// Compares what the storage nodes have with what the name space wants there. @param repair wait
/// until what can be repaired is
/// @returns `failed` if something was not in order; with `repair`, if something still isn't
int check_chunks(context& with, bool repair);

/// Says what rebalancing is to move between storage nodes, and has it begin as soon as possible.
/// @param is_dry_run only says it
int rebalance(context& with, bool is_dry_run);

/// Lets masters check their name spaces. @param masters by name; empty: all of the cluster's file
/// @returns `failed` if one is damaged, `unavailable` if one could not be checked
int check_names(context& with, const std::vector<std::string>& masters);

struct scrub_arguments {
  std::vector<std::string> paths; ///< files and directories; empty: all that storage nodes have
  bool unlimited = false;         ///< at once, and as fast as the disks allow
};
/// Has storage nodes read what they store, and waits for it.
/// @returns `failed` if something is damaged, `unavailable` if something could not be read
int scrub(context& with, const scrub_arguments& what);

struct init_arguments {
  std::string folder;
  std::string name; ///< empty: derived from the folder's name
  std::uint32_t masters = 1;
  std::uint32_t storages = 3;
  std::uint32_t copies = 0; ///< 0: three, or as many as there are storage nodes
  std::string consensus;    ///< empty: as the number of masters suggests
};
int init(context& with, init_arguments what);
/// How `up` and `down` start DFS's nodes. @param with must outlive the result
atl::node::launch_settings launch_settings_of(context& with);

} // namespace dfs::cli

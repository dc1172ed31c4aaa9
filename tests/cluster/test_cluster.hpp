#pragma once

#include "free_port.hpp"
#include "host_network.hpp"
#include "settings/settings.hpp"
#include "temporary_folder.hpp"

#include <atoll/node/node_process.hpp>

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace dfs {
class control;
}

/// The result of a program.
struct outcome {
  int code = -1; ///< exit code; 128 + signal when the program was killed
  std::string out;
  std::string err;
};

/// Runs a program to its end. @param input is its standard input.
outcome run_program(const std::vector<std::string>& words, const std::string& input = {});

/// Starts a program without waiting for it.
pid_t start_program(const std::vector<std::string>& words);
/// Waits for a program's end. @returns the code as in `outcome`.
int wait_for(pid_t program);

/// The path of a program under test.
std::filesystem::path program(const std::string& name);

/// Repeats a check until it holds; fails the test after three minutes, with a sanitizer after five.
/// That is no expectation of a time: a busy machine may take long.
void eventually(const std::string& what, const std::function<bool()>& holds);

std::string read_file(const std::filesystem::path& file);
void write_file(const std::filesystem::path& file, const std::string& bytes);
/// The same bytes for the same seed.
std::string random_bytes(std::size_t size, std::uint64_t seed);

struct cluster_shape {
  int masters = 1;
  int joining_masters = 0; ///< the last so many masters are no founders
  int storages = 3;
  int disks = 1; ///< of each storage node; of several each is a folder within that of the node
  std::string placement = "round_robin";
  std::string placement_options; ///< `decay = "1s"`
  std::string reads = "random";
  std::string reads_options;
  std::string consensus = "two_phase_commit";
  std::string consensus_options; ///< `heartbeat = "50ms"`
  std::string recovery = "replicate";
  int copies = 3;               ///< the option of `replicate`
  std::string recovery_options; ///< of other schemes, `k = 2, m = 1`
  std::string files = "chunk_size = \"64KiB\"\ninline_limit = 0"; ///< lines of [files]
  std::string client;           ///< lines of [client], such as `timeout = "2s"`
  std::string reserve = "1MiB"; ///< of each node's disk
  std::string links;            ///< lines of [links]; empty: as `is_patient` says
  /// Nodes that stand still for some seconds, as on a busy machine, count as up, and a write waits
  /// for all of its fragments. Tests of silent nodes turn this off: then a node is down after a
  /// second, and clients wait as they do by default. What `client` and `links` say takes
  /// precedence.
  bool is_patient = true;
  bool has_secret = false;                 ///< nodes and clients share a secret
  std::string plugin_path;                 ///< the line in [plugins], if any
  std::map<std::string, std::string> node; ///< further lines of a node's [node], by name
  host_network* network = nullptr;         ///< each node on the host of its name; none: on loopback
};

/// A cluster of processes on this machine, in its own folder; the destructor stops it.
class test_cluster {
 public:
  explicit test_cluster(cluster_shape shape = {});
  ~test_cluster();

  /// Starts all nodes and waits until the cluster answers.
  void up();
  /// Starts a node. A master without a data folder is ordered to found the group without the delay.
  /// @param more arguments for `dfsd`
  void start(const std::string& node, const std::vector<std::string>& more = {});
  /// Masters that are started from now on without a data folder get no order to found the group.
  void omit_founding_order() { order_founding_ = false; }
  /// The node gets these environment variables, each `NAME=value`, from its next start on.
  void set_environment(const std::string& node, std::vector<std::string> variables);
  void kill(const std::string& node, int signal);
  /// Waits for the process to end. @returns its exit code.
  int wait_for_exit(const std::string& node);
  bool is_running(const std::string& node);
  pid_t process_of(const std::string& node) const { return processes_.at(node); }

  /// Runs `dfs` on this cluster.
  outcome dfs(std::vector<std::string> words, const std::string& input = {});
  /// Null when no master answers.
  nlohmann::json status();
  /// Waits until the leading master reports a storage node as `up` or `down`. A node is up once the
  /// master has heard from its present process since this call began.
  void wait_for_health(const std::string& node, const std::string& health);
  /// Waits until writes succeed.
  void wait_until_writable();
  /// Waits until each fragment of these files is on its node, as `dfs check PATH` judges.
  void wait_until_whole(const std::vector<std::string>& paths);

  /// The view of each master, in order; null when a master does not answer.
  std::vector<nlohmann::json> masters();
  /// Waits for a master that reports to lead in the newest term. @returns its name.
  std::string must_lead();
  /// The same, once all masters answer and follow the leader.
  std::string must_lead_all();
  dfs::cluster_settings settings() const;

  const std::filesystem::path& folder() const { return folder_.path(); }
  /// Where clients remember which master led, from the construction of this cluster on.
  std::filesystem::path cache_folder() const { return folder() / "cache"; }
  std::filesystem::path data_of(const std::string& node) const;
  /// The folder of a master's group within its data folder. @pre the master has joined one
  std::filesystem::path group_data_of(const std::string& master) const;
  std::filesystem::path config_of(const std::string& node) const;
  std::string log_of(const std::string& node) const;
  std::uint16_t port_of(const std::string& node) const { return ports_.at(node); }
  std::vector<std::string> names() const;
  /// The folder of one of several disks of a storage node, from 1 on.
  std::filesystem::path disk_of(const std::string& node, int disk) const;
  /// The files that hold fragments of chunks on a storage node.
  std::vector<std::filesystem::path> chunk_files(const std::string& node) const;

  /// Rewrites the configuration for nodes that are started from now on, perhaps with more nodes.
  void write_configuration(const cluster_shape& shape);

 private:
  /// Fails the test with the end of the node's log if the node ended.
  void must_run(const std::string& node);
  using clock = std::chrono::steady_clock;
  /// Has the leading master heard since then from the present process of each of these nodes?
  bool are_up(const std::vector<std::string>& storages, clock::time_point since);
  std::string address_of(const std::string& node) const;

  temporary_folder folder_;
  host_network* network_ = nullptr;
  int disks_ = 1;
  bool order_founding_ = true;
  std::unique_ptr<dfs::control> control_;
  std::map<std::string, std::uint16_t> ports_;
  std::map<std::string, pid_t> processes_;
  std::map<std::string, std::size_t> log_starts_; ///< where the log of the present process begins
  std::map<std::string, std::vector<std::string>> environments_;
};

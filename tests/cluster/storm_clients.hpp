#pragma once

#include "storm_files.hpp"

#include <atoll/spi/random.hpp>

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

class test_cluster;

/// A client of a storm of kills: stores, replaces, removes, renames and reads files in a folder of
/// its own, one operation after the other, on a thread of its own.
class storm_client {
 public:
  storm_client(test_cluster& cluster, int number, std::uint64_t seed);
  virtual ~storm_client() = default;

  void start();
  void stop();
  /// Operations that were carried out so far.
  std::uint64_t count() const { return count_; }

  // -- of a client that has stopped
  const storm_files& files() const { return files_; }
  /// What must not happen, in words.
  const std::vector<std::string>& violations() const { return violations_; }
  /// How often operations failed with each error, which is no violation while nodes are killed.
  const std::map<std::string, std::uint64_t>& errors() const { return errors_; }

 protected:
  virtual storm_outcome carry_out(const storm_operation& what) = 0;
  /// Reads a file and compares it. @returns whether it could be read
  virtual bool read(const storm_effect& file) = 0;

  void note_error(const std::string& error) { ++errors_[error]; }
  void violate(std::string what) { violations_.push_back(std::move(what)); }
  test_cluster& cluster() { return cluster_; }

 private:
  void run();

  test_cluster& cluster_;
  atl::spi::random_source random_;
  storm_files files_;
  std::vector<std::string> violations_;
  std::map<std::string, std::uint64_t> errors_;
  std::atomic<std::uint64_t> count_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

/// A client that uses the library.
class library_storm_client final : public storm_client {
 public:
  library_storm_client(test_cluster& cluster, int number, std::uint64_t seed);
  ~library_storm_client() override;

 private:
  storm_outcome carry_out(const storm_operation& what) override;
  bool read(const storm_effect& file) override;

  struct connection;
  std::unique_ptr<connection> connection_;
};

/// A client that runs the program `dfs` for each operation, and can be killed within one.
class program_storm_client final : public storm_client {
 public:
  /// @param environment variables for the program, each `NAME=value`
  program_storm_client(test_cluster& cluster, int number, std::uint64_t seed,
                       std::vector<std::string> environment = {});
  ~program_storm_client() override { stop(); }

  /// Kills the program that runs. @returns false if none does
  bool kill();

 private:
  storm_outcome carry_out(const storm_operation& what) override;
  bool read(const storm_effect& file) override;
  /// @returns as `wait_for`
  int run_program(const std::vector<std::string>& words);

  std::string local_file_;
  std::vector<std::string> environment_;
  std::mutex mutex_;
  pid_t running_ = 0; ///< 0: none; guarded by `mutex_`
};

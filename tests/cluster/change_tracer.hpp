#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

/// Runs a program and kills it at a chosen moment: when it is about to make its n-th system call
/// that changes files below a folder. So every state that a crash can leave there is tried, and not
/// only those that a timer happens to hit. (What the page cache holds is kept: the machine goes
/// on.)
struct traced_run {
  std::vector<std::string> words; ///< the program and its arguments
  std::filesystem::path folder;   ///< whose files count
  std::filesystem::path log;      ///< gets what the program says
  std::string done;               ///< once the log has this, the program is killed in any case
};

/// @param kill_at the call, from 1 on, that it doesn't live to make; 0: none
/// @returns how many calls it made; none when it ended by itself, or can't be traced here.
std::optional<std::size_t> run_until_change(const traced_run& what, std::size_t kill_at);

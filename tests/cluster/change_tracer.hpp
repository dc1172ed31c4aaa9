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
  std::filesystem::path folder;   ///< calls that change files below this folder count
  std::filesystem::path log;      ///< receives the program's output
  std::string done; ///< the program is killed at the latest when the log has this text
};

/// @param kill_at the call, from 1 on, before which the program is killed; 0: none
/// @returns the number of calls; none when the program ended by itself or can't be traced here.
std::optional<std::size_t> run_until_change(const traced_run& what, std::size_t kill_at);

#pragma once

#include <CLI/CLI.hpp>

/// Exit codes of every command.
enum exit_code : int {
  exit_ok = 0,
  exit_failed = 1, ///< not found, refused, or what was checked is wrong
  exit_usage = 2,  ///< the command line makes no sense
};

// Each adds one command with all that belongs to it. The chosen one leaves its exit code in `code`.

void add_history_command(CLI::App& app, int& code);
void add_plugin_command(CLI::App& app, int& code);
void add_simulate_command(CLI::App& app, int& code);
void add_verify_command(CLI::App& app, int& code);

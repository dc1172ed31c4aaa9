#pragma once

#include <CLI/CLI.hpp>

/// Exit codes of every command.
enum exit_code : int {
  exit_ok = 0,
  exit_failed = 1, ///< a check failed, or the plugin to show was not found or may not be loaded
  exit_usage = 2,  ///< the command could not run
};

/// The exit codes for people: the end of every help text.
inline constexpr const char* exit_code_help =
    "Exit codes: 0 all is as it should be; 1 something isn't: a promise is broken, a seed failed, "
    "a\n"
    "history is not linearizable, or 'plugin show' finds no such plugin or may not load it; 2 it\n"
    "could not be run or read: the command line makes no sense, no such plugin or file, options\n"
    "that contradict each other, output that can't be written, or a bound that was reached before\n"
    "the answer was known";

// Each function adds one command. The chosen command stores its exit code in `code`.

void add_compare_command(CLI::App& app, int& code);
void add_history_command(CLI::App& app, int& code);
void add_new_command(CLI::App& app, int& code);
void add_plugin_command(CLI::App& app, int& code);
void add_simulate_command(CLI::App& app, int& code);
/// Adds `storage` to the command `simulate`.
void add_simulate_storage_command(CLI::App& simulate, int& code);
void add_verify_command(CLI::App& app, int& code);

#pragma once

#include <atoll/core/error.hpp>

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What `dfs` writes to its standard output and standard error. Nothing here throws: a failure of
/// standard output is remembered, and decides the exit code at the end.
namespace dfs::cli {

void write_output(std::string_view text);
/// The same without a buffer, for large data.
atl::status write_to_output(std::string_view bytes);
/// Writes on a new line; clears a progress bar first.
void write_error(std::string_view text);

template <class... T>
void print(fmt::format_string<T...> format, T&&... arguments) {
  write_output(fmt::format(format, std::forward<T>(arguments)...));
}
template <class... T>
void print_error(fmt::format_string<T...> format, T&&... arguments) {
  write_error(fmt::format(format, std::forward<T>(arguments)...));
}

/// Shows lines at the bottom of the terminal, in place of the previous ones; none clears them. Like
/// `write_error`, may be called by several threads.
void show_progress_lines(const std::vector<std::string>& lines);

/// Did writing to standard output fail? Then more output is useless.
bool has_output_failed();
/// Remembers a failure of another writer to standard output. @param error_number an errno
void note_output_failure(int error_number);
/// Writes out what is buffered.
/// @returns `code`, or the program's exit code if not all of its output could be written: 141
/// when the reader closed the pipe (as SIGPIPE would give), otherwise 1, with a message.
int finish_output(int code);

/// A name for standard output: on a terminal with control characters escaped, otherwise verbatim.
std::string display_name(std::string_view name);

bool is_output_terminal();

} // namespace dfs::cli

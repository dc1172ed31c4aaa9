#pragma once

#include <atoll/core/error.hpp>

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

/// What `dfs` writes to its standard output and standard error. Nothing here throws: a failure of
/// standard output is remembered, and decides the exit code in the end.
namespace dfs::cli {

void write_output(std::string_view text);
/// The same at once, for what is large.
atl::status write_to_output(std::string_view bytes);
/// On a line of its own: a progress bar that is shown is wiped away first.
void write_error(std::string_view text);

template <class... T>
void print(fmt::format_string<T...> format, T&&... arguments) {
  write_output(fmt::format(format, std::forward<T>(arguments)...));
}
template <class... T>
void print_error(fmt::format_string<T...> format, T&&... arguments) {
  write_error(fmt::format(format, std::forward<T>(arguments)...));
}

/// Shows a text in the last line of the terminal, in place of the one shown before; empty: none.
void show_progress_line(std::string_view text);

/// Did writing to standard output fail? There is no use in producing more then.
bool has_output_failed();
/// Remembers a failure that another writer to standard output met. @param error_number an errno
void note_output_failure(int error_number);
/// Writes out what is buffered.
/// @returns `code`, or what the program exits with if not all of its output could be written: 141
/// when the reader closed the pipe (as SIGPIPE would give), otherwise 1, with a message.
int finish_output(int code);

/// A name as it suits standard output: on a terminal with control characters escaped, in a pipe or
/// file as it is.
std::string display_name(std::string_view name);

bool is_output_terminal();

} // namespace dfs::cli

#include "cli/progress.hpp"

#include "cli/output.hpp"

#include <atoll/core/printable_text.hpp>

#include <fmt/format.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <unistd.h>

namespace dfs::cli {

namespace {

constexpr auto redraw_interval = std::chrono::milliseconds{100};
constexpr std::size_t columns_default = 80;
constexpr std::size_t bar_columns_max = 30;
constexpr std::size_t bar_columns_min = 10;
constexpr std::size_t name_columns_min = 8;
/// Characters from this code point on (Hangul, CJK, emoji, …) may take two columns.
constexpr unsigned char lead_byte_of_wide = 0xe1;

std::size_t terminal_columns() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0 ? size.ws_col
                                                                            : columns_default;
}

/// `0:12`, `1:02:03`
std::string time_text(double seconds) {
  auto all = static_cast<std::uint64_t>(std::min(seconds, 1e9));
  auto minutes = all / 60 % 60;
  return all < 3600 ? fmt::format("{}:{:02}", minutes, all % 60)
                    : fmt::format("{}:{:02}:{:02}", all / 3600, minutes, all % 60);
}

/// The beginning of a text that takes at most so many columns, with an ellipsis where it is cut.
/// @param columns becomes the number of columns that it takes.
std::string cut_text(std::string_view text, std::size_t& columns) {
  auto room = columns;
  std::size_t used = 0;
  std::size_t fits = 0; ///< bytes that leave a column for the ellipsis
  std::size_t at_fits = 0;
  for (std::size_t i = 0; i < text.size();) {
    auto lead = static_cast<unsigned char>(text[i]);
    std::size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    used += lead >= lead_byte_of_wide ? 2 : 1;
    if (used > room) {
      columns = at_fits + 1;
      return std::string{text.substr(0, fits)} + "…";
    }
    i += size;
    if (used < room) {
      fits = std::min(i, text.size());
      at_fits = used;
    }
  }
  columns = used;
  return std::string{text};
}

std::string bar_text(std::uint64_t done, std::uint64_t total, std::size_t columns) {
  auto width = columns - 2;
  auto filled = static_cast<std::size_t>(static_cast<double>(width) * static_cast<double>(done) /
                                         static_cast<double>(total));
  return fmt::format("[{}{}]", std::string(filled, '#'), std::string(width - filled, '.'));
}

/// The figures of a state, the most important first; each with the separator before it.
std::vector<std::string> figures(const transfer_state& state, std::uint64_t done) {
  std::vector<std::string> out;
  auto seconds = state.elapsed.count();
  auto rate = seconds > 0 ? static_cast<double>(done) / seconds : 0.0;
  auto total = state.total.bytes;
  if (total != 0) {
    out.push_back(fmt::format(
        "{:3}%", static_cast<int>(100.0 * static_cast<double>(done) / static_cast<double>(total))));
    out.push_back(fmt::format(" {} of {}", human_bytes(done), human_bytes(total)));
    if (rate > 0)
      out.push_back(fmt::format(", {} left", time_text(static_cast<double>(total - done) / rate)));
  } else {
    out.push_back(human_bytes(done));
  }
  out.push_back(fmt::format(", {}/s", human_bytes(static_cast<std::uint64_t>(rate))));
  if (state.total.files > 1)
    out.push_back(fmt::format(", {} of {} files", state.files_done, state.total.files));
  return out;
}

} // namespace

std::string progress_line(const transfer_state& state, std::size_t columns) {
  // The last column stays free: some terminals begin a new line after it.
  auto room = columns > 0 ? columns - 1 : 0;
  auto total = state.total.bytes;
  // A file may grow while it is sent.
  auto done = total != 0 ? std::min(state.bytes_done, total) : state.bytes_done;
  std::string line;
  for (auto& figure : figures(state, done)) {
    if (line.size() + figure.size() > room)
      break;
    line += figure;
  }
  room -= line.size();
  if (line.empty())
    return line;
  if (total != 0 && room > bar_columns_min) {
    auto width = std::clamp((room - 1) / 2, bar_columns_min, bar_columns_max); // the rest: a name
    line = bar_text(done, total, width) + " " + line;
    room -= width + 1;
  }
  if (room > name_columns_min) {
    auto width = room - 1;
    line = cut_text(atl::printable(state.name), width) + " " + line;
  }
  return line;
}

bool shows_progress(const context& with) {
  return !with.quiet && !with.json && ::isatty(STDERR_FILENO) == 1;
}

progress_bar::progress_bar(const context& with, transfer_size total)
    : shown_{shows_progress(with)} {
  state_.total = total;
}

progress_bar::~progress_bar() {
  if (shown_)
    show_progress_lines({});
}

progress_report progress_bar::begin_file(const std::string& name) {
  if (!shown_)
    return {};
  std::lock_guard lock{mutex_};
  under_way_[name] = {};
  return [this, name](std::uint64_t done, std::uint64_t total) {
    std::lock_guard guard{mutex_};
    under_way_[name] = {done, total};
    draw();
  };
}

void progress_bar::end_file(const std::string& name, std::uint64_t bytes) {
  std::lock_guard lock{mutex_};
  ++state_.files_done;
  state_.bytes_done += bytes;
  under_way_.erase(name);
  if (shown_)
    draw();
}

/// A file by itself has one line, with all figures. Beside others each has a line, and the whole
/// has one below them.
void progress_bar::draw() {
  auto now = clock::now();
  if (now - drawn_ < redraw_interval)
    return;
  drawn_ = now;
  auto columns = terminal_columns();
  auto whole = state_;
  whole.elapsed = now - began_;
  std::vector<std::string> lines;
  for (auto& [name, file] : under_way_) {
    whole.bytes_done += file.bytes_done;
    if (under_way_.size() == 1)
      whole.name = name;
    else
      lines.push_back(
          progress_line({name, {1, file.bytes_total}, 0, file.bytes_done, whole.elapsed}, columns));
  }
  lines.push_back(progress_line(whole, columns));
  show_progress_lines(lines);
}

} // namespace dfs::cli

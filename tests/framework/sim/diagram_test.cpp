#include "contains.hpp"
#include "toy_log.hpp"

#include <atoll/sim/diagram.hpp>
#include <atoll/sim/simulation.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

using namespace atl::sim;
namespace spi = atl::spi;

namespace {

/// What is wrong with a document: a tag that isn't closed or closes another one, a bare `<` or `&`,
/// a value without quotes. Empty: it is well formed.
std::string xml_error(std::string_view xml) {
  std::vector<std::string> open;
  for (std::size_t at = 0; at < xml.size();) {
    if (xml[at] == '&') {
      auto end = xml.find(';', at);
      auto name = end == std::string_view::npos ? "" : xml.substr(at + 1, end - at - 1);
      if (name != "amp" && name != "lt" && name != "gt" && name != "quot" && name != "apos")
        return "a bare &";
    }
    if (xml[at] != '<') {
      if (static_cast<unsigned char>(xml[at]) < ' ' && xml[at] != '\n')
        return "a control character";
      ++at;
      continue;
    }
    auto end = xml.find('>', at);
    if (end == std::string_view::npos)
      return "a tag without an end";
    auto tag = xml.substr(at + 1, end - at - 1);
    at = end + 1;
    if (contains(tag, "<"))
      return "a bare <";
    if (std::count(tag.begin(), tag.end(), '"') % 2 != 0)
      return "a value without its quote";
    auto name = std::string{tag.substr(0, tag.find_first_of(" /?", 1))};
    if (tag.front() == '/') {
      if (open.empty() || tag.substr(1) != open.back())
        return fmt::format("<{}> closes another tag", tag);
      open.pop_back();
    } else if (tag.back() != '/' && tag.front() != '?') {
      open.push_back(name);
    }
  }
  return open.empty() ? "" : fmt::format("<{}> is not closed", open.back());
}

run_event event(run_event_kind what, std::int64_t at, spi::replica_id replica,
                std::string text = {}) {
  run_event it;
  it.what = what;
  it.at = at;
  it.replica = replica;
  it.text = std::move(text);
  return it;
}

run_event message(run_event_kind what, std::int64_t at, spi::replica_id replica,
                  spi::replica_id peer, std::uint64_t number) {
  auto it = event(what, at, replica);
  it.peer = peer;
  it.number = number;
  it.bytes = 48;
  return it;
}

std::string diagram_of(std::uint64_t seed, diagram_window window = {}) {
  simulation_options options;
  options.seed = seed;
  options.replicas = 1;
  diagram picture{window};
  options.observe = picture.sink();
  simulate(options, toy::factory({.forgets_its_log = true}));
  return picture.svg({"a heading"});
}

} // namespace

TEST_CASE("a diagram is well-formed XML, whatever text the protocol's messages contain") {
  diagram picture{{}};
  picture.note(event(run_event_kind::started, 1, 1));
  picture.note(event(run_event_kind::stopped, 2, 1, "<b>\"it's\" & </svg> \x01\xff\n\t"));
  picture.note(event(run_event_kind::violated, 3, 0, std::string(1'000, '<')));
  auto svg = picture.svg({"<heading> & more"});
  CHECK(xml_error(svg) == "");
  CHECK(contains(svg, "stops: &lt;b&gt;&quot;it&apos;s&quot; &amp; &lt;/svg&gt; ??"));
  CHECK(contains(svg, "&lt;heading&gt; &amp; more"));
  CHECK(xml_error(diagram{{}}.svg({})) == "");
}

TEST_CASE("a diagram has a lifeline for each replica and an arrow for each message with its "
          "outcome") {
  diagram picture{{}};
  for (spi::replica_id id = 1; id <= 3; ++id)
    picture.note(event(run_event_kind::started, id, id));
  auto leads = event(run_event_kind::role, 5, 2);
  leads.role = spi::replica_role::leader;
  leads.number = 7;
  picture.note(leads);
  picture.note(message(run_event_kind::sent, 10, 2, 1, 1));
  picture.note(message(run_event_kind::sent, 10, 2, 3, 2));
  picture.note(event(run_event_kind::fault, 11, 0, "loss:2-1:2"));
  picture.note(message(run_event_kind::lost, 11, 2, 1, 3));
  picture.note(message(run_event_kind::arrived, 20, 1, 2, 1));
  picture.note(event(run_event_kind::stopped, 25, 3, "a crash"));
  picture.note(message(run_event_kind::missed, 30, 3, 2, 2));
  picture.note(message(run_event_kind::arrived, 40, 1, 2, 1));
  picture.note(message(run_event_kind::sent, 50, 1, 2, 4));
  picture.note(event(run_event_kind::fault, 55, 0, "crashes:3"));
  picture.note(event(run_event_kind::violated, 60, 0, "at 0.000060 s: all is wrong"));
  auto svg = picture.svg({});
  CHECK(xml_error(svg) == "");
  for (auto part :
       {"replica 1</text>", "replica 2</text>", "replica 3</text>", "leads in term 7",
        "class=\"leader\"", "class=\"down\"", "class=\"message\"", "class=\"again\"",
        "class=\"missed\"", "class=\"lost\"", "class=\"flying\"", "#1 48 B", "#3 48 B loss:2-1:2",
        ">crashes:3<", "stops: a crash", "at 0.000060 s: all is wrong"})
    CHECK_MESSAGE(contains(svg, part), part);
}

TEST_CASE("the same seed draws the same diagram, and another seed a different one") {
  auto once = diagram_of(3);
  CHECK(once == diagram_of(3));
  CHECK(once != diagram_of(4));
  CHECK(xml_error(once) == "");
  CHECK(contains(once, "replica 1</text>"));
  CHECK(contains(once, "class=\"violation\""));
}

TEST_CASE("a diagram shows a chosen part of the run, and is bounded in size") {
  diagram_window few;
  few.events = 20;
  CHECK(diagram_of(3, few).size() < 20'000);
  CHECK(contains(diagram_of(3, few), "events before these are left out"));
  diagram picture{{100, 200, 10}};
  for (std::int64_t at = 0; at < 1'000'000; ++at)
    picture.note(event(run_event_kind::started, at, 1));
  auto svg = picture.svg({});
  CHECK(svg.size() < 20'000);
  CHECK(contains(svg, "from 0.000100 s to 0.000109 s"));
}

TEST_CASE("a long title is wrapped within the diagram, and no word is left out") {
  diagram picture{{}};
  picture.note({.what = run_event_kind::started, .at = 1, .replica = 1, .number = 1});
  std::string title = "raft 1.0.0, seed 4:";
  for (int i = 0; i < 60; ++i)
    title += " word" + std::to_string(i);
  auto svg = picture.svg({title, "faults: none"});
  auto number_behind = [&](std::string_view words) {
    auto at = svg.find(words);
    REQUIRE(at != std::string::npos);
    return std::stod(svg.substr(at + words.size()));
  };
  auto width = number_behind("width=\"");
  std::string shown;
  auto lines = 0;
  for (auto at = svg.find("<text class=\"title\""); at != std::string::npos;
       at = svg.find("<text class=\"title\"", at + 1)) {
    auto begin = svg.find('>', at) + 1;
    auto line = svg.substr(begin, svg.find('<', begin) - begin);
    CHECK(12 + 8.0 * static_cast<double>(line.size()) < width); // 13 px, bold
    shown += (shown.empty() ? "" : " ") + line;
    ++lines;
  }
  CHECK(shown == title);
  CHECK(lines > 1);
}

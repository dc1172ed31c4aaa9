#pragma once

#include <atoll/spi/random.hpp>
#include <atoll/spi/recovery.hpp>
#include <atoll/verify/fragment_model.hpp>

#include <bit>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What any recovery scheme must hold to, as checks that know nothing of a test framework: each
/// answers with nothing when the scheme is right, or with a sentence that says what it did wrong.
namespace atl::properties {

using finding = std::optional<std::string>;

/// Subsets of fragments are tried one by one up to this many fragments, and by chance beyond.
constexpr std::uint32_t all_subsets_max = 12;

inline std::string random_bytes(spi::random_source& chance, std::size_t size) {
  std::string bytes(size, '\0');
  for (auto& byte : bytes)
    byte = static_cast<char>(chance.next());
  return bytes;
}

/// The numbers of the layout fit together.
inline finding has_a_layout(const spi::recovery& scheme) {
  auto layout = scheme.layout();
  if (layout.total < 1 || layout.needed < 1 || layout.min_write < 1)
    return "its layout has a number below 1";
  if (layout.needed > layout.total || layout.min_write > layout.total)
    return "its layout needs more fragments than there are";
  if (layout.min_write < layout.needed)
    return "its layout acknowledges a write that couldn't be read";
  return std::nullopt;
}

/// `encode` makes as many fragments as the layout says, each of the size that `fragment_size` says,
/// inside the chunk or the scratch space; if identical, each is the chunk.
inline finding encodes_as_it_says(const spi::recovery& scheme, std::string_view chunk) {
  std::string scratch;
  auto fragments = scheme.encode(chunk, scratch);
  if (fragments.size() != scheme.layout().total)
    return "encodes into " + std::to_string(fragments.size()) + " fragments";
  auto inside = [](std::string_view part, std::string_view whole) {
    return std::less_equal<>{}(whole.data(), part.data()) &&
           std::less_equal<>{}(part.data() + part.size(), whole.data() + whole.size());
  };
  for (std::uint32_t index = 0; index < fragments.size(); ++index) {
    auto part = fragments[index];
    if (part.size() != scheme.fragment_size(chunk.size(), index))
      return "makes fragment " + std::to_string(index) + " of another size than it says";
    if (!part.empty() && !inside(part, chunk) && !inside(part, scratch))
      return "makes a fragment outside the chunk and the scratch space";
    if (scheme.layout().identical && part != chunk)
      return "says that its fragments are the chunk, and they aren't";
  }
  return std::nullopt;
}

/// From the fragments of `chunk` that `present` names, `decode` gives back the chunk exactly when
/// `enough` says so.
inline finding decodes_these(const spi::recovery& scheme, std::string_view chunk,
                             const std::vector<bool>& present) {
  std::string encode_scratch, decode_scratch;
  auto fragments = scheme.encode(chunk, encode_scratch);
  std::vector<std::optional<std::string_view>> left(fragments.size());
  std::string which;
  for (std::size_t i = 0; i < left.size(); ++i)
    if (present[i]) {
      left[i] = fragments[i];
      which += ' ' + std::to_string(i);
    }
  auto decoded = scheme.decode(chunk.size(), left, decode_scratch);
  if (decoded.has_value() != scheme.enough(present))
    return std::string{decoded ? "decodes from" : "doesn't decode from"} + which +
           ", though it says otherwise of them";
  if (decoded && *decoded != chunk)
    return "decodes another chunk from fragments" + which;
  return std::nullopt;
}

/// Every set of fragments decodes or not as `enough` says; every loss of up to `survives` of them
/// decodes, and too few never do.
inline finding decodes_what_it_can(const spi::recovery& scheme, std::string_view chunk,
                                   std::uint32_t survives, spi::random_source& chance) {
  auto total = scheme.layout().total;
  auto every = total <= all_subsets_max;
  auto tries = std::uint64_t{1} << std::min(total, all_subsets_max);
  for (std::uint64_t set = 0; set < tries; ++set) {
    auto bits = every ? set : chance.next();
    std::vector<bool> present(total);
    std::uint32_t count = 0;
    for (std::uint32_t i = 0; i < total; ++i)
      if (bits >> (i % 64) & 1) {
        present[i] = true;
        ++count;
      }
    if (total - count <= survives && !scheme.enough(present))
      return "claims to survive " + std::to_string(survives) + " losses and doesn't";
    if (count < scheme.layout().needed && scheme.enough(present))
      return "says that fewer fragments than it needs are enough";
    if (auto wrong = decodes_these(scheme, chunk, present))
      return wrong;
  }
  return std::nullopt;
}

/// Chunks in every state that a host may find: fragments missing, damaged, out of reach, forgotten,
/// and copies too many.
inline void damage(fragment_model& model, const spi::recovery& scheme, spi::random_source& chance,
                   std::size_t chunks) {
  using state = spi::fragment_state;
  constexpr state states[] = {state::ok, state::missing, state::corrupt, state::unreachable};
  for (std::size_t i = 0; i < chunks; ++i) {
    auto chunk = model.add_healthy_chunk();
    auto rate = chance.unit();
    auto& all = model.fragments(chunk);
    for (auto one = all.begin(); one != all.end();) {
      if (chance.chance(rate))
        one->second = states[chance.below(std::size(states))];
      one = chance.chance(rate / 6) ? all.erase(one) : std::next(one);
    }
    while (chance.chance(0.3))
      model.add_surplus(chunk, static_cast<std::uint32_t>(chance.below(scheme.layout().total)),
                        states[chance.below(std::size(states))]);
  }
}

/// The verdict on each chunk is what counting by hand gives.
inline finding judges_rightly(const spi::recovery& scheme, const fragment_model& model) {
  for (auto& report : model.reports()) {
    auto verdict = scheme.judge(report);
    auto name = "chunk " + std::to_string(report.chunk);
    if ((verdict.health == spi::chunk_health::lost) != !model.decodable(report.chunk))
      return "is wrong about whether " + name + " is lost";
    auto spare = model.spare(report.chunk);
    if (model.decodable(report.chunk) && verdict.spare != spare)
      return "says that " + name + " can lose " + std::to_string(verdict.spare) +
             " fragments, and it can lose " + std::to_string(spare);
    if (verdict.health == spi::chunk_health::degraded && spare == 0)
      return "calls " + name + " degraded, and the next loss loses it";
    if (verdict.health == spi::chunk_health::critical && spare > 0)
      return "calls " + name + " critical, and it isn't";
    std::vector<std::size_t> good(scheme.layout().total);
    for (auto& one : report.fragments)
      if (one.state == spi::fragment_state::ok && one.index < good.size())
        ++good[one.index];
    auto complete = std::find(good.begin(), good.end(), 0) == good.end();
    if (verdict.health == spi::chunk_health::healthy && !complete)
      return "calls " + name + " healthy, and a fragment is gone";
  }
  return std::nullopt;
}

/// Of the steps that make fragments, each is for a chunk that is in no less danger, when it is its
/// turn, than the next ones'; and the first is for one of the most endangered.
inline finding plans_by_danger(const spi::recovery& scheme, fragment_model model) {
  std::uint32_t last = 0;
  for (auto& step : scheme.plan(model.reports())) {
    auto makes =
        step.action == spi::repair_action::copy || step.action == spi::repair_action::rebuild;
    if (makes) {
      auto danger = model.spare(step.chunk);
      if (danger < last)
        return "mends a chunk that can lose " + std::to_string(danger) +
               " fragments after one that can lose " + std::to_string(last);
      last = danger;
    }
    if (auto wrong = model.apply(step))
      return wrong;
  }
  return std::nullopt;
}

/// Carried out again and again, the plan makes every chunk healthy that isn't lost, within
/// `rounds_max` plans; it never loses one that wasn't, never touches one that was, and then is
/// empty.
inline finding plans_until_healthy(const spi::recovery& scheme, fragment_model model,
                                   std::size_t rounds_max = 4) {
  std::vector<bool> lost;
  for (auto& report : model.reports())
    lost.push_back(!model.decodable(report.chunk));
  for (std::size_t round = 0;; ++round) {
    auto steps = scheme.plan(model.reports());
    if (steps.empty())
      break;
    if (round == rounds_max)
      return "still has something to mend after " + std::to_string(rounds_max) + " plans";
    for (auto& step : steps) {
      if (step.chunk < lost.size() && lost[step.chunk] && step.action != spi::repair_action::verify)
        return "changes something about a chunk that is lost";
      if (auto wrong = model.apply(step))
        return wrong;
    }
  }
  for (auto& report : model.reports()) {
    auto healthy = scheme.judge(report).health == spi::chunk_health::healthy;
    if (healthy == lost[report.chunk])
      return "leaves chunk " + std::to_string(report.chunk) + (healthy ? " revived" : " unhealthy");
  }
  return std::nullopt;
}

/// Each step on its own loses nothing either: a host may skip those that fail, in any way.
inline finding plans_without_risk(const spi::recovery& scheme, fragment_model model,
                                  spi::random_source& chance) {
  std::vector<bool> lost;
  for (auto& report : model.reports())
    lost.push_back(!model.decodable(report.chunk));
  for (auto& step : scheme.plan(model.reports())) {
    if (chance.chance(0.5))
      continue;
    if (auto wrong = model.apply(step))
      return wrong;
    if (!lost[step.chunk] && !model.decodable(step.chunk))
      return "loses chunk " + std::to_string(step.chunk) + " when a step before fails";
  }
  return std::nullopt;
}

} // namespace atl::properties

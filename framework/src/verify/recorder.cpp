#include "recorder.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace atl::verify {

void recorder::note(finding it) {
  if (on_finding)
    on_finding(it);
  report_.findings.push_back(std::move(it));
}

void recorder::check(const std::string& property, const std::string& claim,
                     const std::function<std::uint64_t()>& holds) {
  if (!should_continue())
    return;
  if (on_begin)
    on_begin(property, claim);
  finding it{property, claim, verdict::kept, 0, {}};
  try {
    it.cases = holds();
  } catch (const broken& how) {
    it.what = verdict::broken;
    it.detail = how.what();
  } catch (const std::exception& thrown) {
    it.what = verdict::broken;
    it.detail = std::string{"it threw: "} + thrown.what();
  } catch (...) {
    it.what = verdict::broken;
    it.detail = "it threw something that is no std::exception";
  }
  note(std::move(it));
}

void recorder::skip(const std::string& property, const std::string& why) {
  note({property, {}, verdict::skipped, 0, why});
}

void recorder::note_run() {
  constexpr std::chrono::milliseconds interval{200};
  ++report_.runs;
  auto now = std::chrono::steady_clock::now();
  if (!on_progress || now - progress_reported_at_ < interval)
    return;
  progress_reported_at_ = now;
  on_progress(static_cast<double>(report_.runs) /
              static_cast<double>(std::max(planned_, report_.runs)));
}

std::string claim_of(const spi::descriptor& it, const char* name) {
  for (auto& claim : it.claims)
    if (std::string_view{claim.name} == name)
      return claim.value;
  return {};
}

} // namespace atl::verify

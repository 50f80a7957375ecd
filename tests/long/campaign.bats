#!/usr/bin/env bats
# Whole campaigns, longer: killed at every step, and many random ones.
# bats file_tags=long
load ../helper
load ../campaign

@test "campaign: killed before or after any step and run again, it comes to the same end" {
	seed_of_test
	make_campaign "$seed" 700 "$scratch/c"
	equal_limits "$scratch/c" 12
	one_wave "$scratch/c"
	vf-seed new "$scratch/seed" >/dev/null
	run_campaign "$scratch/c" "$scratch/whole" --seed-file "$scratch/seed" >/dev/null
	# What a wave is prepared from; the whole campaign is killed in campaign.bats.
	mkdir "$scratch/scored"
	cp -a "$scratch/whole"/{config.json,scored,rejects,stats} "$scratch/scored"
	rm "$scratch"/scored/*/wave-*
	for tool in vf-filter vf-draw vf-audit vf-codegen vf-assign vf-wave vf-tally; do
		killed_and_run_again "$scratch/c" "$scratch/whole" "$tool" before "$scratch/scored"
		killed_and_run_again "$scratch/c" "$scratch/whole" "$tool" after "$scratch/scored"
	done
}

@test "campaign: five campaigns from random seeds, every fan's fate recomputed" {
	seed_of_test
	for k in 1 3 5 7 9; do
		options=()
		[[ $((k % 5)) -ne 0 ]] || options=(--ranks)
		make_campaign $((seed + k)) $((200 + 150 * k)) "$scratch/c$k" "${options[@]}"
		options=()
		[[ $((k % 3)) -ne 0 ]] || options=(--max-per-phone $((1 + k % 4)) --max-per-email 1)
		run_campaign "$scratch/c$k" "$scratch/out$k" "${options[@]}" >/dev/null
		model_agrees "$scratch/c$k" "$scratch/out$k" "${options[@]}"
		one_code_each "$scratch/out$k/ledger.csv"
		rm -r "$scratch/c$k" "$scratch/out$k"
	done
}

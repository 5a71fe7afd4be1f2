"""What `make demo` runs: simple_spread, trained for a minute, before and after, and the record."""

from __future__ import annotations

import daf_nb as daf

STEPS = 300_000


def main() -> None:
    """Trains, and says what came of it."""
    config = daf.RlConfig(
        experiment_name="demo",
        total_timesteps=STEPS,
        num_envs=16,
        seed=0,
        batch_size=1024,
        algorithm_kwargs={"n_epochs": 10, "learning_rate": 7e-4, "ent_coef": 0.01},
    )
    trainer = daf.RlTrainer(config, env="mpe2.simple_spread_v3", env_kwargs={"N": 3})
    before = trainer.evaluate_policy(episodes=200)
    run = daf.launch(trainer)
    print(f"run {run.id}: three agents learn to cover three landmarks, {STEPS:,} agent-steps")
    print(f"  before: {before}")
    while not run.done:
        run.wait(timeout=5)
        print(f"  {run!r}")
    run.wait()
    print(f"  after:  {run.evaluate(episodes=200)}")
    print(f"run {run.id} is recorded in {run.folder}")


if __name__ == "__main__":
    main()

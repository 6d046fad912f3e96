"""What each score means, in a sentence."""

from disbench.catalogue import find

_MEANINGS = {
    "beta_vae": {"eval_accuracy": "How often a linear classifier tells which factor a batch of pairs shares."},
    "dci": {
        "disentanglement": "Whether each latent is used to predict one factor only.",
        "completeness": "Whether each factor is predicted from one latent only.",
        "informativeness_test": "How well boosted trees predict the factors from all latents together.",
    },
    "factor_vae": {"eval_accuracy": "How often the latent that varies least tells which factor was held fixed."},
    "irs": {"IRS": "How little a latent moves when factors other than its own are changed."},
    "mce": {
        "modularity_score": "Whether each latent tells about one factor only.",
        "compactness_score": "Whether each factor is told by one latent only.",
        "explicitness_score_test": "How well a linear classifier tells the values of the factors apart.",
    },
    "mig": {"discrete_mig": "How much more the best latent tells about a factor than the second best."},
    "sap": {"SAP_score": "How much better the best latent predicts a factor than the second best."},
    "unsupervised": {
        "gaussian_total_correlation": "How far the latents are from independent, in nats, if they were Gaussian.",
        "mutual_info_score": "How much two latents tell about each other on average, in nats.",
    },
}


def meanings(metric: str, keys: list[str]) -> dict[str, str]:
    """Scores of a metric that the page explains, with a sentence each; its first four if it is a user's own."""
    known = {key: text for key, text in _MEANINGS.get(metric, {}).items() if key in keys}
    return known or dict.fromkeys(keys[:4], first_line(metric))


def first_line(metric: str) -> str:
    """First line of what a metric says of itself."""
    return (find("metrics", metric).__doc__ or "").strip().partition("\n")[0]

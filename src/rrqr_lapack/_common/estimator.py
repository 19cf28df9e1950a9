"""Parameters that can be asked for and set: what `sklearn.base.clone` and searches over parameters want."""

import copy
import inspect
from typing import Any, Self


class Estimator:
    """An object whose ``__init__`` stores each of its parameters, unchanged, under the parameter's name."""

    @classmethod
    def _defaults(cls) -> dict[str, Any]:
        return {name: p.default for name, p in inspect.signature(cls).parameters.items()}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name, as scikit-learn's estimators give them.

        Parameters
        ----------
        deep : bool, optional
            Not used: no parameter is an estimator.

        Returns
        -------
        dict
            Of all parameters of the constructor.

        Examples
        --------
        >>> from rrqr_lapack import PCA
        >>> PCA(rank=3).get_params()["rank"]
        3
        """
        return {name: getattr(self, name) for name in self._defaults()}

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name; they count from the next `fit` or `partial_fit` on.

        Parameters
        ----------
        **params
            Those of the constructor.

        Returns
        -------
        Estimator
            The object itself.

        Raises
        ------
        ValueError
            A name that is no parameter; nothing is set then.

        Examples
        --------
        >>> from rrqr_lapack import PCA
        >>> PCA(rank=3).set_params(rank=5, rng=0)
        PCA(rank=5, rng=0)
        """
        known = self._defaults()
        for name in params:
            if name not in known:
                kind = type(self).__name__
                raise ValueError(f"params must be those of {kind}, got {name!r}; they are {', '.join(known)}")
        vars(self).update(params)
        return self

    def __copy__(self) -> Self:
        return copy.deepcopy(self)  # what it has learned is not shared

    def __repr__(self) -> str:
        """The parameters that are not the defaults."""
        given = [
            f"{name}={value!r}"
            for (name, value), default in zip(self.get_params().items(), self._defaults().values(), strict=True)
            if type(value) is not type(default) or value != default
        ]
        return f"{type(self).__name__}({', '.join(given)})"
